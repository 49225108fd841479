/** The page: draws what the event stream says and sends what the person does. */
import { mrkdwn, renderBlocks } from './blocks.client.js';
import { showModal, sure, valuesOf } from './dialogs.client.js';
import { act, h } from './dom.client.js';
import { emoji } from './mrkdwn.client.js';

const place = (id) => document.getElementById(id);
const drawn = new Map();
let state;
let actor;
let channel;
let threadTs;

const names = (id) =>
  state.people.find((person) => person.id === id)?.name ?? (id === state.bot.id ? state.bot.name : id);

function draw() {
  drawConnections();
  drawChoices();
  drawMessages();
  const stack = state.views.filter((view) => view.userId === actor);
  showModal(stack.at(-1), { names, people: state.people });
}

function drawConnections() {
  const { connections } = state;
  const text = connections === 0 ? 'Nobody is connected' : `${connections} connection${connections === 1 ? '' : 's'}`;
  place('connections').textContent = text;
  place('connections').className = connections === 0 ? 'off' : 'on';
}

function drawChoices() {
  actor ??= state.people[0].id;
  channel ??= state.people[0].channel;
  fill(
    place('actor'),
    state.people.map(({ id, realName }) => [id, realName]),
    actor,
  );
  fill(
    place('channel'),
    state.people.map((person) => [person.channel, `${state.bot.realName} and ${person.realName}`]),
    channel,
  );
  const owner = state.people.find((person) => person.channel === channel);
  place('stranger').hidden = owner.id === actor;
  place('stranger').textContent =
    `In Slack ${names(actor)} could not see this conversation. Here the presses are sent all the same.`;
}

function fill(select, choices, chosen) {
  if (select.options.length !== choices.length) {
    select.replaceChildren(...choices.map(([value, text]) => h('option', { value }, text)));
  }
  select.value = chosen;
}

function drawMessages() {
  const list = place('messages');
  const visible = state.messages.filter(
    (message) => message.channel === channel && (message.ephemeralFor === undefined || message.ephemeralFor === actor),
  );
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const wanted = inThreads(visible).map((message) => nodeOf(message));
  for (const [ts, { node }] of drawn) {
    if (wanted.includes(node)) continue;
    node.remove();
    drawn.delete(ts);
  }
  for (const [index, node] of wanted.entries()) {
    // Only what is out of place is moved: moving a node would take the keyboard focus from it.
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  }
  place('empty').hidden = wanted.length > 0;
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** Replies right after the message that they reply to. */
function inThreads(messages) {
  const parents = new Set(messages.map((message) => message.ts));
  const isReply = (message) =>
    message.threadTs !== undefined && message.threadTs !== message.ts && parents.has(message.threadTs);
  return messages
    .filter((message) => !isReply(message))
    .flatMap((parent) => [parent, ...messages.filter((message) => isReply(message) && message.threadTs === parent.ts)]);
}

/** The node of a message, the same one as long as the message is the same. */
function nodeOf(message) {
  const version = JSON.stringify([message, actor]);
  const known = drawn.get(message.ts);
  if (known?.version === version) return known.node;
  const node = article(message);
  if (known) exchange(known.node, node);
  drawn.set(message.ts, { version, node });
  return node;
}

/** Puts a new drawing in the place of the old one; who was on a button with the keyboard stays on it. */
function exchange(old, node) {
  const action = old.contains(document.activeElement) ? document.activeElement.dataset.action : undefined;
  old.replaceWith(node);
  if (action === undefined) return;
  [...node.querySelectorAll('[data-action]')].find((element) => element.dataset.action === action)?.focus();
}

function article(message) {
  const own = message.author === state.bot.id;
  const time = new Date(Number(message.ts) * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const author = own
    ? state.bot.realName
    : (state.people.find(({ id }) => id === message.author)?.realName ?? message.author);
  const fields = new Map();
  const warning = h(
    'p',
    { class: 'warning', role: 'alert', hidden: message.notAckedActionId === undefined },
    '⚠️ This did not reach the app. Try again?',
  );
  const press = async (blockId, element, entered) => {
    if (!(await sure(element.confirm, names))) return;
    const { channel: where, ts } = message;
    const result = await act('press', {
      channel: where,
      ts,
      blockId,
      actionId: element.action_id,
      userId: actor,
      entered,
      state: valuesOf(fields),
    });
    if (result.error) tell(result.error);
  };
  return h(
    'article',
    {
      class: `message${message.threadTs ? ' reply' : ''}${message.ephemeralFor ? ' ephemeral' : ''}`,
      'data-ts': message.ts,
      'aria-label': `Message from ${author}, ${time}`,
    },
    h('div', { class: own ? 'avatar app' : 'avatar', 'aria-hidden': 'true' }, author.slice(0, 1)),
    h(
      'div',
      { class: 'content' },
      message.ephemeralFor ? h('p', { class: 'only-you' }, '👁 Only visible to you') : undefined,
      h(
        'p',
        { class: 'author' },
        h('b', {}, author),
        own ? h('span', { class: 'badge' }, 'APP') : undefined,
        h('time', {}, time),
      ),
      message.blocks.length > 0
        ? renderBlocks(message.blocks, { names, people: state.people, fields, press })
        : h('div', { class: 'text' }, mrkdwn(message.text, names)),
      message.editedTs ? h('small', { class: 'edited' }, '(edited)') : undefined,
      warning,
      message.files.map((file) =>
        h(
          'details',
          { class: 'file', open: true },
          h('summary', {}, `📄 ${file.title}`),
          h('pre', { tabindex: 0 }, file.content),
        ),
      ),
      reactions(message),
      message.ephemeralFor ? undefined : tools(message),
    ),
  );
}

function reactions(message) {
  const entries = Object.entries(message.reactions);
  if (entries.length === 0) return undefined;
  return h(
    'p',
    { class: 'reactions' },
    entries.map(([name, users]) => h('span', { title: users.map(names).join(', ') }, `${emoji(name)} ${users.length}`)),
  );
}

function tools(message) {
  const react = (name) => act('react', { channel: message.channel, ts: message.ts, emoji: name, userId: actor });
  return h(
    'p',
    { class: 'tools' },
    h(
      'button',
      { type: 'button', class: 'plain', onclick: () => replyTo(message.threadTs ?? message.ts) },
      'Reply in thread',
    ),
    ['eyes', 'white_check_mark'].map((name) =>
      h(
        'button',
        { type: 'button', class: 'plain', 'aria-label': `React with ${name}`, onclick: () => react(name) },
        emoji(name),
      ),
    ),
  );
}

function replyTo(ts) {
  threadTs = ts;
  place('thread').hidden = ts === undefined;
  place('text').placeholder = ts === undefined ? 'Message the app' : 'Reply in the thread';
  if (ts !== undefined) place('text').focus();
}

function tell(text) {
  place('notice').textContent = text;
}

place('actor').addEventListener('change', (event) => {
  actor = event.target.value;
  draw();
});
place('channel').addEventListener('change', (event) => {
  channel = event.target.value;
  replyTo(undefined);
  draw();
});
place('thread').addEventListener('click', () => replyTo(undefined));
place('composer').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = place('text').value.trim();
  if (text === '') return;
  place('text').value = '';
  await act('say', { channel, text, userId: actor, ...(threadTs === undefined ? {} : { threadTs }) });
});

const events = new EventSource('/events');
events.addEventListener('message', (event) => {
  state = JSON.parse(event.data);
  tell('');
  draw();
});
events.addEventListener('error', () => tell('The emulator does not answer. Waiting for it…'));
