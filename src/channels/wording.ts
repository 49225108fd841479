/** Every sentence that people read in Slack. Nothing here may hold text of an agent: callers add that in elements of its own. */
import type { AgentName, ApprovalRequest, Offers } from '../types.ts';

/** Names of tool input fields, in words. */
export const LABELS = {
  command: 'Command',
  file: 'File',
  notebook: 'Notebook',
  change: 'Change',
  content: 'Content',
  cell: 'Cell',
  plan: 'Plan',
  lastWords: 'Its last words',
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
  edit: 'Edit & approve…',
  editLabel: 'Change what is to run and approve that',
  always: 'Always…',
  alwaysLabel: 'Approve, and choose a rule so that this is not asked again',
  grant: 'Allow for 30 min…',
  grantLabel: 'Approve, and allow calls like this one for a limited time',
  showAll: 'Show all',
  showAllLabel: 'Read the whole request page by page',
  send: 'Send answers',
  sendLabel: 'Send the chosen answers to the agent',
  approvePlanLabel: 'Approve this plan',
  approveEdits: 'Approve & accept edits',
  approveEditsLabel: 'Approve this plan and accept edits without asking from now on',
  keepPlanning: 'Keep planning…',
  keepPlanningLabel: 'Tell the agent what to change in this plan',
  reply: 'Reply…',
  replyLabel: 'Write what the agent should do next',
  letStop: 'Let it stop',
  letStopLabel: 'Let the agent stop',
  noReason: 'Write what the agent should know, or cancel.',
  stopLabel: 'The turn',
  stopOption: 'Stop the agent instead: it is then not told your words',
  cancel: 'Cancel',
  notDone: 'Not done',
  closeForm: 'Close',
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
  notSayable: 'Not all of this can be shown here, so Slack cannot approve it. Answer at the terminal.',
  long: 'Too long for one message. “Show all” has every page of it; Approve is on the last one.',
  attached: 'Too long for one message: the whole input is in the file below this message, or behind “Show all”.',
  opaque: 'A masked value could be run as a command, so Slack cannot approve this. Answer at the terminal.',
  escalated: 'You are asked, too, because nobody has answered yet.',
  twoNeeded: 'Two different people must approve this.',
  approvedSoFar: 'Approved so far by ',
  oneMore: '· one more person must approve.',
  stopped: 'The agent was told to stop its turn.',
  sessionEnded: 'Session ended: ',
  movedBelow: 'Continues in a newer message below.',
  more: 'More…',
  moreLabel: 'Show this request in a message of its own, with all its buttons',
  approveAllLabel: 'Approve all requests of this list that may be approved together',
  givenBy: 'Given by ',
  until: 'until ',
  revoke: 'Revoke',
  revokeLabel: 'End this permission now',
  askedFor: 'The agent asked for:',
  editsAccepted: 'Edits are accepted without asking from now on.',
  alwaysFrom: 'Not asked again: ',
  incomplete: 'Nothing was sent: a question has no answer yet.',
  overButtons: 'This request is over; its buttons are gone.',
  grantOver: 'This permission has ended.',
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
export const AGENTS: Readonly<Record<AgentName, string>> = {
  claude: 'Claude Code',
  codex: 'Codex',
  cursor: 'Cursor',
  gemini: 'Gemini CLI',
  opencode: 'opencode',
};

/** The sentences of the modal that asks for words, by what they are for. */
export const REASON_WORDS = {
  deny: {
    title: 'Deny with reason',
    submit: 'Deny',
    label: 'What the agent should know',
    hint: 'It is told this word for word.',
  },
  plan: {
    title: 'Keep planning',
    submit: 'Send',
    label: 'What to change in the plan',
    hint: 'The agent goes on planning and is told this word for word.',
  },
  stop: {
    title: 'Reply',
    submit: 'Send',
    label: 'What the agent should do next',
    hint: 'The agent goes on and is told this word for word.',
  },
} as const;

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
export function askTitle(agent: AgentName, form: Offers['form'], tool: string, canAnswer: boolean): string {
  if (form === 'stop') return `${AGENTS[agent]} has stopped`;
  if (!canAnswer) return `${tool}: answer at the terminal`;
  if (form === 'questions') return `${AGENTS[agent]} asks`;
  return form === 'plan' ? 'Approve this plan?' : `Approve ${tool}?`;
}

/** What a phone shows: the tool, the project and the start of the call, all encoded. */
export function notice(before: string, project: string, start: string): string {
  return [`${before}${project === '' ? '' : ` in ${project}`}`, start].filter((part) => part !== '').join(': ');
}

/** `runs`: whether it is about something that can run. */
export function maskedNote(count: number, kinds: readonly string[], runs: boolean): string {
  const real = runs ? ` What runs has the real ${count === 1 ? 'value' : 'values'}.` : '';
  return `${amount(count, 'secret value')} masked here: ${kinds.join(', ')}.${real}`;
}

/** When so few replies are left, it is time to say so. */
const FEW_REPLIES = 3;

export function repliesNote(agent: AgentName, { inARow, left }: NonNullable<ApprovalRequest['replies']>): string {
  const start = inARow === 1 ? '1 reply in a row.' : `${inARow} replies in a row.`;
  return left > FEW_REPLIES ? start : `${start} ${AGENTS[agent]} takes ${left} more before it stops by itself.`;
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

export function amount(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;
}

export function attachmentTitle(tool: string): string {
  return `The whole input of ${tool}`;
}
