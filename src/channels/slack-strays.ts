/** Presses on messages that should have no buttons: copies, what is over, and what nobody knows to be ours yet. */
import type { Click } from './slack-clicks.ts';
import type { Editor, Looks, Place } from './slack-editor.ts';
import { richText, section, text } from './slack-elements.ts';
import type { Entries, Message } from './slack-entries.ts';

export interface StraysOptions {
  readonly editor: Editor;
  readonly entries: Entries;
  /** Posts that Slack has not answered yet. */
  readonly sending: () => readonly Promise<unknown>[];
  /** For a message that Slack may not show as it was taken last. */
  readonly redraw: (message: Message) => void;
}

export interface Strays {
  /** Whether a press was on a second copy of a message that may have been posted twice. */
  isDuplicate(click: Click, requestId: string, nonce: string): boolean;
  /** Takes the buttons from a message whose request is over, and says why. Never rejects. */
  removeButtons(click: Click, words: string): Promise<void>;
  /** To be called for each message of ours when its place is known. */
  onPosted(message: Message): void;
}

/** A later press asks for it again. */
const REMOVE_TRIES = 3;

export function createStrays({ editor, entries, sending, redraw }: StraysOptions): Strays {
  /** Edits of messages that were pressed before it was known that they are ours. */
  const early = new Map<string, Promise<unknown>>();

  return {
    isDuplicate: (click, requestId, nonce) => {
      const entry = entries.get(requestId);
      if (entry === undefined || !entry.maybeTwice || entry.request.nonce !== nonce) return false;
      const ours = entry.messages.filter(({ channel }) => channel === click.channel);
      const isOther = ours.length > 0 && ours.every(({ ts }) => ts !== click.message);
      return isOther && entry.request.approvers.includes(click.user);
    },
    removeButtons: async (click, words) => {
      const known = entries.at(click.channel, click.message);
      // While a request is open, what it shows is the core's to end.
      // The press came from a button that should not be there.
      if (known?.entries.some(({ outcome }) => outcome !== undefined) === true) return redraw(known);
      if (known !== undefined) return;
      const note = richText([section([text(words)])]);
      const kept = click.blocks.filter((block) => block.type !== 'actions');
      const place = { channel: click.channel, ts: click.message };
      const short = (): Looks => ({ text: words, blocks: [note] });
      const edited = editor
        .edit(place, { text: words, blocks: [...kept, note], short }, { maxTries: REMOVE_TRIES })
        .catch(() => {});
      if (sending().length === 0) early.clear();
      else early.set(placeKey(place), Promise.all([early.get(placeKey(place)), edited]));
      await edited;
    },
    // A press that came before this has changed it as if it were a stranger's.
    onPosted: (message) => void early.get(placeKey(message))?.then(() => redraw(message)),
  };
}

function placeKey({ channel, ts }: Place): string {
  return `${channel} ${ts}`;
}
