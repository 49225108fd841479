/** One message: who, when, what, its files, and the reactions to it. */
import { mrkdwn, renderBlocks } from './blocks.client.js';
import { sure, valuesOf } from './dialogs.client.js';
import { act, h } from './dom.client.js';
import { emoji } from './mrkdwn.client.js';
import { snippet } from './snippet.client.js';

/** Reactions that are offered when nobody has used them yet. */
const OFFERED = ['+1', '-1', 'eyes'];

/**
 * The node of a message, and the `fields` in it. `page`: `state`, `actor`, `names(id)`, `tell(text)`, `reply(ts)`;
 * `where` is 'conversation' or 'thread'; `isLast` the end of a thread; `kept` is what its inputs held before.
 */
export function drawMessage(message, { where, isLast, kept }, page) {
  const { state, names } = page;
  const isOwn = message.author === state.bot.id;
  const author = isOwn
    ? state.bot.realName
    : (state.people.find(({ id }) => id === message.author)?.realName ?? message.author);
  const at = new Date(Number(message.ts) * 1000);
  const time = at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const fields = new Map();
  const press = (blockId, element, entered) => pressIn(message, page, { blockId, element, entered, fields });
  const isReply = where === 'thread';
  const node = h(
    'article',
    {
      class: ['message', isReply && 'reply', message.ephemeralFor && 'ephemeral'].filter(Boolean).join(' '),
      'data-ts': message.ts,
      'aria-label': `${isReply ? 'Reply' : 'Message'} from ${author}, ${time}`,
    },
    h('div', { class: isOwn ? 'avatar app' : 'avatar', 'aria-hidden': 'true' }, author.slice(0, 1)),
    h(
      'div',
      { class: 'content' },
      message.ephemeralFor ? h('p', { class: 'aside' }, '👁 Only visible to you') : undefined,
      message.isBroadcast ? broadcastNote(message, where, page) : undefined,
      h(
        'p',
        { class: 'author' },
        h('b', {}, author),
        isOwn ? h('span', { class: 'badge' }, 'APP') : undefined,
        h('time', { datetime: at.toISOString(), title: at.toLocaleString() }, time),
      ),
      message.blocks.length > 0
        ? renderBlocks(message.blocks, { names, people: state.people, fields, kept, press })
        : h('div', { class: 'text' }, mrkdwn(message.text, names)),
      message.editedTs ? h('small', { class: 'edited' }, '(edited)') : undefined,
      h(
        'p',
        { class: 'warning', role: 'alert', hidden: message.notAckedActionId === undefined },
        '⚠️ This did not reach the app. Try again?',
      ),
      message.files.map(snippet),
      message.ephemeralFor ? undefined : reactions(message, page, !isReply || isLast),
    ),
  );
  return { node, fields };
}

async function pressIn({ channel, ts }, page, { blockId, element, entered, fields }) {
  if (!(await sure(element.confirm, page.names))) return false;
  const { action_id: actionId } = element;
  const state = valuesOf(fields);
  const answer = await act('press', { channel, ts, blockId, actionId, userId: page.actor, entered, state });
  if (answer.error) page.tell(answer.error);
}

function broadcastNote(message, where, { state, reply }) {
  if (where === 'thread') return h('p', { class: 'aside' }, 'Also sent to the conversation');
  const parent = state.messages.find(({ ts, channel }) => ts === message.threadTs && channel === message.channel);
  const words = parent?.text || 'a message';
  return h(
    'p',
    { class: 'aside' },
    'replied to a thread: ',
    h('button', { type: 'button', class: 'plain link', onclick: () => reply(message.threadTs) }, words),
  );
}

function reactions(message, { actor, names, reply }, isRepliable) {
  const present = Object.entries(message.reactions);
  const toggle = (name, isMine) =>
    act(isMine ? 'unreact' : 'react', { channel: message.channel, ts: message.ts, emoji: name, userId: actor });
  return h(
    'div',
    { class: 'reactions' },
    present.map(([name, users]) => {
      const isMine = users.includes(actor);
      return h(
        'button',
        {
          type: 'button',
          class: 'reaction',
          'data-action': `reaction-${name}`,
          'aria-pressed': String(isMine),
          'aria-label': `${name}: ${users.length}, ${users.map(names).join(', ')}`,
          title: users.map(names).join(', '),
          onclick: () => toggle(name, isMine),
        },
        `${emoji(name)} ${users.length}`,
      );
    }),
    OFFERED.filter((name) => !Object.hasOwn(message.reactions, name)).map((name) =>
      h(
        'button',
        {
          type: 'button',
          class: 'reaction offered',
          'data-action': `reaction-${name}`,
          'aria-label': `React with ${name}`,
          onclick: () => toggle(name, false),
        },
        emoji(name),
      ),
    ),
    isRepliable
      ? h(
          'button',
          { type: 'button', class: 'plain link', onclick: () => reply(message.threadTs ?? message.ts) },
          'Reply in thread',
        )
      : undefined,
  );
}
