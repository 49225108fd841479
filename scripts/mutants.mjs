/** Proves that the tests guard the rules that decide: each rule is broken in a copy of the sources, and the tests must go red there. `-- PART` of a name for some. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUN, ensureInstalled, HERMETIC, ROOT } from './setup.mjs';

const BROKER = 'src/broker.ts';
const BROKER_TESTS = ['./test/broker.test.ts'];
const RACES = './test/channels/slack-races.test.ts';
const AT_ONCE = 2;
const BOUND_MS = 60_000;

/** `edits`: what stands there exactly once, and what takes its place. */
const MUTANTS = [
  {
    name: 'anybody may approve',
    edits: [["if (!request.approvers.includes(answer.by)) return 'not-approver';", '']],
  },
  {
    name: 'an answer after the deadline counts',
    edits: [["if (now >= entry.deadline) return 'expired';", '']],
  },
  {
    name: 'a request never expires',
    edits: [['.filter((entry) => isPending(entry) && event.now >= entry.deadline)', '.filter(() => false)']],
  },
  {
    name: 'the nonce is not looked at',
    edits: [["if (answer.nonce !== request.nonce) return 'forged';", '']],
  },
  {
    name: 'what is shown in part can be approved',
    edits: [["if (answer.decision === 'allow' && !receipt.complete) return 'not-shown';", '']],
  },
  {
    name: 'the message is not looked at',
    edits: [['conversation === answer.conversation && message === answer.message,', 'true,']],
  },
  {
    name: 'what was not offered counts',
    edits: [['if (!isOffered(request, answer) || isBeyond', 'if (isBeyond']],
  },
  {
    name: 'one of two approvers is enough',
    edits: [["return entry.approvedBy.length + 1 < request.needed ? 'counted' : 'accepted';", "return 'accepted';"]],
  },
  {
    name: 'an allow without a record counts',
    edits: [["if (event.trouble !== undefined && entry.outcome.kind === 'allowed') {", 'if (false) {']],
  },
  {
    name: 'a dead client leaves its request open',
    edits: [['return onClientGone(state, event.id, event.at);', 'return [];']],
  },
  {
    name: 'the second click wins',
    edits: [
      ['if (outcome !== undefined)\n', 'if (false)\n'],
      ['if (entry === undefined || entry.outcome !== undefined) return [];', 'if (entry === undefined) return [];'],
    ],
  },
  {
    name: 'a post that failed is swallowed',
    edits: [["settle(state, id, { kind: 'undeliverable', reason, code, at });", '[];']],
  },
  {
    name: 'whoever is asked because nobody else answers may give lasting permissions',
    edits: [['|| isBeyondRequest(request, answer)', '']],
    tests: ['./test/presence-desk.test.ts'],
  },
  {
    name: 'whoever is asked later need not be on record',
    file: 'src/presence-desk.ts',
    edits: [['if (!recorder.escalated(request, to, now())) return;', 'recorder.escalated(request, to, now());']],
    tests: ['./test/presence-desk.test.ts'],
  },
  {
    name: 'whoever was asked later may answer after they were taken out of the file',
    file: 'src/policy/gate.ts',
    edits: [['policy.presence()?.escalate?.to.includes(by) === true', 'true']],
    tests: ['./test/policy/gate.test.ts'],
  },
  {
    name: 'at the keyboard a call that the terminal would not ask about runs',
    file: 'src/screen/presence.ts',
    edits: [['const isSilent = !hasDialog &&', 'const isSilent = false &&']],
    tests: ['./test/screen/presence.test.ts'],
  },
  {
    name: 'a message that comes late keeps its buttons',
    file: 'src/channels/slack-messages.ts',
    edits: [['await (late.length === 0 ? open : refresh(entry));', 'await open;']],
    tests: ['./test/channels/slack.test.ts', '--test-name-pattern', 'closes the message that comes after close'],
  },
  {
    name: 'the reply waits for the edit of the message',
    file: 'src/approvals.ts',
    edits: [
      [
        'reply(effect.id, effect.outcome);',
        'setTimeout(() => Promise.all(telling).then(() => reply(effect.id, effect.outcome)));',
      ],
    ],
    tests: [RACES, '--test-name-pattern', 'a request has one outcome'],
  },
  {
    name: 'edits of one message overtake each other',
    file: 'src/channels/slack-editor.ts',
    edits: [['queue.running ??= run(place, queue);', 'return edit(place, render());']],
    tests: [RACES, '--test-name-pattern', 'every message says in the end'],
  },
  {
    name: 'a press does not wait for the one before it',
    file: 'src/channels/slack-clicks.ts',
    edits: [['Promise.all([last.catch(() => {}), wait])', 'Promise.all([wait])']],
    tests: [RACES, '--test-name-pattern', 'the first press wins'],
  },
  {
    name: 'a wrong token gets in over HTTP',
    file: 'src/http-door.ts',
    edits: [['return timingSafeEqual(digest(given), digest(token));', 'return true;']],
    tests: ['./test/http-door.test.ts'],
  },
  {
    name: 'a page in a browser may ask over HTTP',
    file: 'src/http-door.ts',
    edits: [['if (headers.origin !== undefined)', 'if (false)']],
    tests: ['./test/http-door.test.ts'],
  },
  {
    name: 'a body over HTTP may hold our own key',
    file: 'src/http-desk.ts',
    edits: [['agent.read(plain(document.value))', 'agent.read(document.value)']],
    tests: ['./test/http-listener.test.ts'],
  },
  {
    name: 'a call over HTTP that cannot be asked about passes',
    file: 'src/http-desk.ts',
    edits: [["if (said.stdout !== '') return { status: 200, json: said.stdout };", '']],
    tests: ['./test/http-listener.test.ts'],
  },
  {
    name: 'a key that may only send forges an approval',
    file: 'src/collector/event-kinds.ts',
    edits: [["return isTrusted ? (type as EventKind) : 'other';", 'return type as EventKind;']],
    tests: ['./test/collector/collector-access.test.ts'],
  },
  {
    name: 'a page from elsewhere may post to the collector',
    file: 'src/collector/door.ts',
    edits: [["if (origin !== null && URL.parse(origin)?.host !== host) return 'origin';", '']],
    tests: ['./test/collector/door.test.ts'],
  },
  {
    name: 'a revoked key opens the collector',
    file: 'src/collector/keys.ts',
    edits: [['.filter(({ revokedAt }) => revokedAt === undefined)', '']],
    tests: ['./test/collector/keys.test.ts', './test/collector/key-ring.test.ts'],
  },
  {
    name: 'an event is acknowledged that the store has not taken',
    file: 'src/collector/ingest.ts',
    edits: [['entry.reject(result.error);', 'entry.resolve(true);']],
    tests: ['./test/collector/ingest.test.ts'],
  },
];

ensureInstalled();
const [part = ''] = process.argv.slice(2);
const wanted = MUTANTS.filter(({ name }) => name.includes(part));
const startedAt = performance.now();
const base = mkdtempSync(join(tmpdir(), 'csh-mutants-'));
const survivors = [];
try {
  const queue = [...wanted];
  const work = async (id) => {
    const copy = copyTo(join(base, String(id)));
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const { name, file = BROKER, edits, tests = BROKER_TESTS } = mutant;
      const original = readFileSync(join(ROOT, file), 'utf8');
      // Without the edit the same tests are green: otherwise red would prove nothing.
      const clean = await test(copy, tests);
      writeFileSync(join(copy, file), mutate(original, edits, name));
      const mutated = await test(copy, tests);
      writeFileSync(join(copy, file), original);
      const isKilled = clean.isGreen && mutated.isRed;
      if (!isKilled) survivors.push(name);
      console.log(`${isKilled ? 'killed  ' : 'SURVIVED'} ${name}`);
      if (!clean.isGreen) console.log(clean.output);
      else if (!isKilled) console.log(mutated.output);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, id) => work(id)));
} finally {
  rmSync(base, { recursive: true, force: true });
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
console.log(`${wanted.length - survivors.length} of ${wanted.length} mutants killed in ${seconds} s`);
process.exit(survivors.length === 0 ? 0 : 1);

function copyTo(folder) {
  for (const name of ['src', 'test', 'package.json', 'tsconfig.json'])
    cpSync(join(ROOT, name), join(folder, name), {
      recursive: true,
      filter: (path) => !path.includes('node_modules'),
    });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function mutate(text, edits, name) {
  return edits.reduce((changed, [from, to]) => {
    const count = changed.split(from).length - 1;
    if (count !== 1) throw new Error(`${name}: expected ${JSON.stringify(from)} once, got it ${count} times`);
    return changed.replace(from, () => to);
  }, text);
}

/** Red means that tests ran and failed, or ran for ever: a file that does not load proves nothing. */
async function test(cwd, args) {
  const child = spawn(BUN, [...HERMETIC, 'test', '--bail', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), BOUND_MS);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  return {
    isGreen: code === 0 && /^\(pass\)| pass$/m.test(output),
    isRed: code === null || /^\(fail\) /m.test(output),
    output,
  };
}
