/** Every sentence that people read in Slack. Nothing here may hold text of an agent: callers add that in elements of its own. */
import type {
  AgentName,
  ApprovalRequest,
  Grant,
  Offers,
  Outcome,
  PermissionScope,
  SessionSummary,
  Verdict,
} from '../types.ts';

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
  stopOption: 'Also stop what the agent is doing',
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
  twoNeeded: 'Two different people must approve this.',
  approvedSoFar: 'Approved so far by ',
  oneMore: '· one more person must approve.',
  stopped: 'The agent was told to stop its turn.',
  sessionEnded: 'Session ended: ',
  movedBelow: 'Waits in a newer message below.',
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

/** Where a rule of the agent's own is kept. */
export const SCOPES: Readonly<Record<PermissionScope, string>> = {
  session: 'in this session',
  localSettings: 'in this project, for you',
  projectSettings: 'in this project, for everybody',
  userSettings: 'in all your projects',
};

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
export function askTitle(form: Offers['form'], tool: string, canAnswer: boolean): string {
  if (form === 'stop') return `${AGENTS.claude} has stopped`;
  if (!canAnswer) return `${tool}: answer at the terminal`;
  if (form === 'questions') return `${AGENTS.claude} asks`;
  return form === 'plan' ? 'Approve this plan?' : `Approve ${tool}?`;
}

const ENDED: Readonly<Record<Outcome['kind'], string>> = {
  allowed: 'Approved',
  denied: 'Denied',
  expired: 'Expired – not approved',
  withdrawn: 'Withdrawn – not approved',
  elsewhere: 'Answered at the terminal',
  unknown: 'Outcome unknown',
  stopped: 'Stopped – not approved',
  undeliverable: 'Not delivered – not approved',
};

/** What a phone shows: the tool, the project and the start of the call, all encoded. */
export function notice(before: string, project: string, start: string): string {
  return [`${before}${project === '' ? '' : ` in ${project}`}`, start].filter((part) => part !== '').join(': ');
}

/** The first line of a closed card. */
export function endedTitle(
  kind: Outcome['kind'],
  tool: string,
  form: Offers['form'] = 'permission',
  isEdited = false,
): string {
  if (isEdited) return `Approved with changes: ${tool}`;
  if (form === 'stop') return kind === 'denied' ? 'Sent on with a reply' : `${AGENTS.claude} has stopped`;
  if (form === 'questions' && kind === 'allowed') return 'Answered';
  if (form === 'plan') return `${kind === 'denied' ? 'Keep planning' : ENDED[kind]}: plan`;
  return `${ENDED[kind]}: ${tool}`;
}

/** What stands before the person who answered a stop. */
export function stopWords(kind: 'allowed' | 'denied'): string {
  return kind === 'allowed' ? 'Left to stop by ' : 'Reply by ';
}

/** Before the rule that decided without asking. */
export function ruledBy(isPolicy: boolean): string {
  return isPolicy ? 'by ' : 'under the grant ';
}

export const alsoRuled = ' of ';

/** Whole minutes or hours, as they are offered. */
export function grantGiven(forMs: number): string {
  const minutes = Math.round(forMs / 60_000);
  const time = minutes % 60 === 0 ? amount(minutes / 60, 'hour') : amount(minutes, 'minute');
  return `Allowed without asking for ${time}: `;
}

/** Between the rules that are shown and where they hold. */
export function moreRules(count: number): string {
  return `and ${amount(count, 'more rule')} `;
}

export function runOk(isCommand: boolean, isBackground: boolean, tookMs: number | undefined): string {
  if (isBackground) return 'Started in the background.';
  return `${isCommand ? 'Ran: exit 0' : 'Done'}${tookMs === undefined ? '' : ` in ${took(tookMs)}`}`;
}

export function runFailed(tookMs: number | undefined): string {
  return `Failed${tookMs === undefined ? '' : ` after ${took(tookMs)}`}:`;
}

/** What a command took: `0.1 s`, `4.1 s`, then as people wait. */
function took(ms: number): string {
  return ms < 60_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : waited(ms);
}

/** `runs`: whether it is about something that can run. */
export function maskedNote(count: number, kinds: readonly string[], runs: boolean): string {
  const real = runs ? ` What runs has the real ${count === 1 ? 'value' : 'values'}.` : '';
  return `${amount(count, 'secret value')} masked here: ${kinds.join(', ')}.${real}`;
}

/** `key` is encoded already. */
export function editedLabel(key: string): string {
  return `Runs instead: ${key}`;
}

export function answerLabel(index: number, count: number): string {
  return count === 1 ? 'Answer' : `Answer ${index + 1}`;
}

/** When so few replies are left, it is time to say so. */
const FEW_REPLIES = 3;

export function repliesNote({ inARow, left }: NonNullable<ApprovalRequest['replies']>): string {
  const start = inARow === 1 ? '1 reply in a row.' : `${inARow} replies in a row.`;
  return left > FEW_REPLIES ? start : `${start} ${AGENTS.claude} takes ${left} more before it stops by itself.`;
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

/** What a person is told of an answer; undefined when it counts, because the message itself says so. */
export function noticeOf(verdict: Verdict): string | undefined {
  return verdict === 'accepted' || verdict === 'pending' || verdict === 'counted' ? undefined : NOTICES[verdict];
}

/** What a person who pressed a button is told when the press did not count. Names nobody and nothing. */
export const NOTICES: Readonly<Record<Exclude<Verdict, 'accepted' | 'pending' | 'counted'>, string>> & {
  readonly elsewhere: string;
  readonly unreadable: string;
  readonly duplicate: string;
  readonly noForm: string;
  readonly noEdit: string;
  readonly noRule: string;
  readonly noGrant: string;
  readonly nothingWaits: string;
  readonly manyWait: string;
  readonly useButtons: string;
} = {
  'not-approver': 'Nothing was decided: only the people whom this request was sent to may answer it.',
  'already-decided': 'Nothing was changed: this request has already been answered. The first answer counts.',
  expired: 'Nothing was decided: this request has expired.',
  closed: 'Nothing was decided: this request is over, the agent no longer waits for it.',
  'unknown-request': 'Nothing was decided: this request is over, nobody waits for it any more.',
  forged: 'Nothing was decided: this button does not belong to this message.',
  'already-approved': 'Nothing was changed: you have approved this; somebody else must, too.',
  'not-offered': 'Nothing was decided: this request cannot be answered that way. Use its buttons.',
  misconfigured:
    'Nothing was decided: the config file, which says who may answer, cannot be read. Run claude-slack-hook --status.',
  'not-shown': 'Nothing was approved: not everything was shown here. Use “Show all”, or answer at the terminal.',
  elsewhere:
    'Nothing was decided: Slack sent this click to another machine or daemon than the one that asked. Press again; if it goes on, give every machine a Slack app of its own.',
  unreadable: 'Nothing was decided: this button could not be read.',
  duplicate: 'Nothing was decided: this is a second copy of the request. Answer on the other message.',
  noGrant: 'Nothing was changed: this permission has ended already, or is not yours to end.',
  nothingWaits: 'Nothing was decided: nothing waits for an answer in this thread.',
  manyWait:
    'Nothing was decided: more than one request waits in this thread, or did a moment ago. React to the message with 👍 or 👎, or press its buttons.',
  useButtons:
    'Nothing was decided: this message is about several requests, or about one that has moved. Use the buttons.',
  noForm: 'Nothing was decided: Slack did not open the form. Press again, or press Deny.',
  noEdit: 'Nothing was decided: nothing in this request can be edited here. Press Approve or Deny.',
  noRule: 'Nothing was decided: no lasting rule fits this request. Press Approve, or allow it for a while.',
};

function amount(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`;
}

/** The first line of a session's thread; both are encoded already. */
export function sessionText(agent: string, project: string): string {
  return project === '' ? `${agent} session` : `${agent} in ${project}`;
}

/** How a session went, after `WORDS.sessionEnded`. */
export function summaryLine(summary: SessionSummary): string {
  const { asked, approved, denied, elsewhere, unanswered, automatic, waitedMs } = summary;
  const parts = [
    `${asked} asked`,
    ...(approved > 0 ? [`${approved} approved`] : []),
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(elsewhere > 0 ? [`${elsewhere} answered at the terminal`] : []),
    ...(unanswered > 0 ? [`${unanswered} without an answer`] : []),
    ...(automatic > 0 ? [`${automatic} decided without asking`] : []),
    `waited ${waited(waitedMs)} for people`,
  ];
  return `${parts.join(', ')}.`;
}

export function automaticTitle(count: number): string {
  return `Decided without asking: ${amount(count, 'call')}`;
}

export function earlierLines(count: number): string {
  return `… ${amount(count, 'earlier call')}`;
}

export function batchTitle(open: number, all: number): string {
  if (open === 0) return `${amount(all, 'request')}, none waiting`;
  return open === 1 ? '1 request waits' : `${open} requests wait together`;
}

export function approveAll(count: number): string {
  return `Approve all shown (${count})`;
}

/** `danger` is a reason in our own words. */
export function notInAll(row: number, danger: string): string {
  return `“Approve all” leaves out ${row}: ${danger}.`;
}

/** After a press that was meant for several requests. */
export function manyAnswered(counted: number, notCounted: number): string {
  return `${counted} approved; ${notCounted} not, because ${notCounted === 1 ? 'it was' : 'they were'} over or changed.`;
}

/** The first line of a grant's message. */
export function grantTitle(isOver: boolean): string {
  return isOver ? 'Permission ended' : 'Allowed without asking';
}

const GRANT_ENDS: Readonly<Record<NonNullable<Grant['ended']>['how'], string>> = {
  expired: 'It has expired.',
  revoked: 'Revoked by ',
  stopped: 'It ended with the daemon.',
};

export function grantEnd(how: NonNullable<Grant['ended']>['how']): string {
  return GRANT_ENDS[how];
}

export function timeLeft(ms: number): string {
  return ` (${Math.max(1, Math.ceil(ms / 60_000))} min left)`;
}

export function grantUses(count: number): string {
  return count === 0 ? 'Not used yet.' : `Used ${count === 1 ? 'once' : `${count.toLocaleString('en')} times`}:`;
}

export function attachmentTitle(tool: string): string {
  return `The whole input of ${tool}`;
}

/** To a press on "More…" in a list. */
export const HAS_OWN_CARD = 'Nothing was decided: this request has a message of its own, further down.';
