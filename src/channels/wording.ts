/** Every sentence that people read in Slack. Nothing here may hold text of an agent: callers add that in elements of its own. */
import type { AgentName, Outcome, Verdict } from '../types.ts';

/** Names of tool input fields, in words. */
export const LABELS = {
  command: 'Command',
  file: 'File',
  notebook: 'Notebook',
  change: 'Change',
  content: 'Content',
  cell: 'Cell',
  plan: 'Plan',
  url: 'URL',
  prompt: 'Prompt',
  query: 'Query',
  question: 'Question',
  input: 'Input',
  arguments: 'Arguments',
  mcpServer: 'MCP server',
  mcpSource: 'Configured by',
  mcpTool: 'MCP tool',
  ownWords: 'The agent says',
  otherFields: 'Other fields',
  tool: 'Tool',
  project: 'Project',
  directory: 'Directory',
  host: 'Host',
  branch: 'Branch',
  mode: 'Mode',
  agent: 'Subagent',
  session: 'Session',
  digest: 'Digest',
} as const;

export const WORDS = {
  approve: 'Approve',
  deny: 'Deny',
  denyWithReason: 'Deny with reason…',
  approveLabel: 'Approve this tool call, exactly as shown',
  denyLabel: 'Deny this tool call',
  denyWithReasonLabel: 'Deny this tool call and say why',
  reasonTitle: 'Deny with reason',
  reasonLabel: 'What the agent should know',
  reasonHint: 'It is told this word for word.',
  stopLabel: 'The turn',
  stopOption: 'Also stop what the agent is doing',
  cancel: 'Cancel',
  unknownTool: 'a tool',
  noInput: 'This tool call has no input.',
  empty: 'empty',
  newCell: 'A new cell.',
  noFile: 'There is no file at this path, so there is nothing to change.',
  noCell: 'The notebook on disk has no such cell.',
  unchangedLeft: 'Unchanged lines are left out here.',
  sameAsDisk: 'The file on disk has this content already.',
  replacesDisk: 'Replaces all that is there now.',
  diffAgainstDisk: 'Compared with what is on disk now. All lines but those with - are what will be there.',
  disk: {
    missing: 'A new file: there is none at this path yet.',
    link: 'The path is a symbolic link; the file behind it was not read.',
    special: 'The path is no regular file.',
    large: 'The file on disk is too large to compare with.',
    binary: 'The file on disk is not text.',
    private: 'The file on disk may hold secrets, so nothing of it is shown.',
    unreadable: 'The file on disk could not be read.',
  },
  cannotShow: 'This value cannot be shown.',
  tooLong: 'Too long to show in full here, so Slack cannot approve it. Answer at the terminal.',
  overButtons: 'This request is over; its buttons are gone.',
  duplicate: 'This is a second copy of a request. Only the other message counts.',
  sharedApp:
    'Another daemon shares this Slack app and takes its clicks. Give every person and machine an app of its own.',
  twoApps: 'The bot token and the app token belong to two different Slack apps, so clicks cannot arrive.',
} as const;

/** Marks a line of the file on disk around a diff. */
export const FROM_DISK = '┊';
/** After a line of a diff. */
export const NO_LINE_BREAK = '\\ no line break';

/** The people's names of agents. */
export const AGENTS: Readonly<Record<AgentName, string>> = { claude: 'Claude Code' };

/** A tool of an MCP server in a title; both are encoded already. */
export function mcpTitle(tool: string, server: string): string {
  return `${tool} (${server})`;
}

/** A part of a diff that is left out. */
export function notChanged(count: number): string {
  return `@@ ${amount(count, 'unchanged line')} not shown @@`;
}

export function changed(removed: number, added: number): string {
  return `${amount(removed, 'line')} removed, ${added.toLocaleString('en')} added`;
}

export function lines(count: number): string {
  return amount(count, 'line');
}

/** `isEverywhere` is what the edit says about replace_all, where no other field shows it. */
export function changeLabel(index: number, count: number, isEverywhere: boolean | undefined): string {
  const which = count === 1 ? LABELS.change : `${LABELS.change} ${index + 1} of ${count}`;
  return isEverywhere === undefined ? which : `${which}, replace_all ${isEverywhere}`;
}

/** Where the text to replace stands in the file on disk. */
export function placeOf(count: number, line: number): string {
  if (count === 0) return 'The text to replace does not stand in the file as it is now.';
  if (count > 1) return `The text to replace stands ${count.toLocaleString('en')} times in the file as it is now.`;
  return `At line ${line.toLocaleString('en')} of the file as it is now; lines with ${FROM_DISK} are around it.`;
}

/** `host` is encoded already. */
export function goesTo(host: string): string {
  return `Goes to ${host}`;
}

export function questionLabel(index: number, count: number): string {
  return count === 1 ? LABELS.question : `${LABELS.question} ${index + 1} of ${count}`;
}

export function choose(isMany: boolean): string {
  return isMany ? 'Choose any number' : 'Choose one';
}

/** Before the words, which stand in elements of their own. */
export const MIXED_SCRIPTS = 'Words that mix alphabets and may not be what they look like: ';

/** The first line of a card. `tool` is encoded already. */
export function askTitle(tool: string, complete: boolean): string {
  return complete ? `Approve ${tool}?` : `${tool}: answer at the terminal`;
}

const ENDED: Readonly<Record<Outcome['kind'], string>> = {
  allowed: 'Approved',
  denied: 'Denied',
  expired: 'Expired – not approved',
  withdrawn: 'Withdrawn – not approved',
  elsewhere: 'Answered elsewhere',
  stopped: 'Stopped – not approved',
  undeliverable: 'Not delivered – not approved',
};

/** What a phone shows: the tool, the project and the start of the call, all encoded. */
export function notice(before: string, project: string, start: string): string {
  return [`${before}${project === '' ? '' : ` in ${project}`}`, start].filter((part) => part !== '').join(': ');
}

/** The first line of a closed card. */
export function endedTitle(kind: Outcome['kind'], tool: string): string {
  return `${ENDED[kind]}: ${tool}`;
}

/** What stands before the person who decided. */
export function decidedBy(kind: 'allowed' | 'denied'): string {
  return kind === 'allowed' ? 'Approved by ' : 'Denied by ';
}

export function hiddenWarning(count: number): string {
  const characters = count === 1 ? 'character is' : 'characters are';
  return `${count.toLocaleString('en')} invisible or direction-changing ${characters} shown as ⟦…⟧.`;
}

export function leftOut(characters: number, lines: number): string {
  return `… ${amount(characters, 'character')} left out here${lines === 0 ? '' : `, with ${amount(lines, 'line break')}`} …`;
}

export function length(characters: number): string {
  return amount(characters, 'character');
}

/** A duration in people's units; negative ones (a clock that was set back) count as zero. */
export function waited(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What a person who pressed a button is told when the press did not count. Names nobody and nothing. */
export const NOTICES: Readonly<Record<Exclude<Verdict, 'accepted' | 'pending'>, string>> & {
  readonly elsewhere: string;
  readonly unreadable: string;
  readonly duplicate: string;
  readonly noForm: string;
} = {
  'not-approver': 'Nothing was decided: only the people whom this request was sent to may answer it.',
  'already-decided': 'Nothing was changed: this request has already been answered. The first answer counts.',
  expired: 'Nothing was decided: this request has expired.',
  closed: 'Nothing was decided: this request is over, the agent no longer waits for it.',
  'unknown-request': 'Nothing was decided: this request is over, nobody waits for it any more.',
  forged: 'Nothing was decided: this button does not belong to this message.',
  'not-shown': 'Nothing was approved: this message does not show everything. Answer at the terminal.',
  elsewhere:
    'Nothing was decided: Slack sent this click to another machine or daemon than the one that asked. Press again; if it goes on, give every machine a Slack app of its own.',
  unreadable: 'Nothing was decided: this button could not be read.',
  duplicate: 'Nothing was decided: this is a second copy of the request. Answer on the other message.',
  noForm: 'Nothing was decided: Slack did not open the form. Press again, or press Deny.',
};

function amount(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;
}
