/** The page: draws what the event stream says and sends what the person does. */
import { showModal, valuesOf } from './dialogs.client.js';
import { act, h } from './dom.client.js';
import { drawMessage } from './message.client.js';

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
  const entries = inThreads(visible);
  const wanted = entries.map((entry) => nodeOf(entry));
  for (const [key, { node }] of drawn) {
    if (wanted.includes(node)) continue;
    node.remove();
    drawn.delete(key);
  }
  for (const [index, node] of wanted.entries()) {
    // Only what is out of place is moved: moving a node would take the keyboard focus from it.
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  }
  place('empty').hidden = wanted.length > 0;
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** Replies right below the message that they reply to; broadcast ones stand in the conversation as well. */
function inThreads(messages) {
  const parents = new Set(messages.map((message) => message.ts));
  const isReply = ({ ts, threadTs: thread }) => thread !== undefined && thread !== ts && parents.has(thread);
  return messages
    .filter((message) => !isReply(message) || message.isBroadcast)
    .flatMap((message) => {
      const replies = messages.filter((reply) => isReply(reply) && reply.threadTs === message.ts);
      return [
        { message, place: 'conversation' },
        ...replies.map((reply) => ({ message: reply, place: 'thread', isLast: reply === replies.at(-1) })),
      ];
    });
}

/** The node of a message in its place, the same one as long as the message is the same. */
function nodeOf({ message, place: where, isLast }) {
  const key = `${where} ${message.ts}`;
  const version = JSON.stringify([message, actor, isLast]);
  const known = drawn.get(key);
  if (known?.version === version) return known.node;
  const kept = known?.actor === actor ? valuesOf(known.fields) : undefined;
  const { node, fields } = drawMessage(message, { where, isLast, kept }, { state, actor, names, tell, reply: replyTo });
  if (known) exchange(known.node, node);
  drawn.set(key, { version, actor, node, fields });
  return node;
}

/** Puts a new drawing in the place of the old one; open files stay open, and who was on an element with the keyboard stays on it. */
function exchange(old, node) {
  for (const file of old.querySelectorAll('details[open]')) {
    const same = [...node.querySelectorAll('details')].find((one) => one.dataset.file === file.dataset.file);
    if (same) same.open = true;
  }
  const action = old.contains(document.activeElement) ? document.activeElement.dataset.action : undefined;
  old.replaceWith(node);
  if (action === undefined) return;
  [...node.querySelectorAll('[data-action]')].find((element) => element.dataset.action === action)?.focus();
}

function replyTo(ts) {
  threadTs = ts;
  place('thread').hidden = ts === undefined;
  place('broadcast').checked = false;
  place('text').placeholder = ts === undefined ? 'Message the app' : 'Reply…';
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
place('leave').addEventListener('click', () => replyTo(undefined));
place('composer').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = place('text').value.trim();
  if (text === '') return;
  place('text').value = '';
  const broadcast = place('broadcast').checked;
  await act('say', { channel, text, userId: actor, ...(threadTs === undefined ? {} : { threadTs, broadcast }) });
});

const events = new EventSource('/events');
events.addEventListener('message', (event) => {
  state = JSON.parse(event.data);
  tell('');
  draw();
});
events.addEventListener('error', () => tell('The emulator does not answer. Waiting for it…'));
