/** Long runs against the local Slack, one after the other, as rows of a table; fails when a bound is missed. With names, only those. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { BUN, ensureCompiled, HERMETIC, ROOT } from './setup.mjs';

/** Short ones first. */
const ALL = ['burst', 'idle', 'locks', 'herd', 'sleep', 'outage', 'requests', 'memory'];

let child;
let isStopped = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    isStopped = true;
    // It takes its daemons away with it.
    child?.kill(signal);
  });
}

const wanted = process.argv.slice(2);
ensureCompiled();
console.log('| what | bound | measured | ok |\n| --- | --- | --- | --- |');
const missed = [];
for (const name of wanted.length > 0 ? wanted : ALL) {
  if (isStopped) break;
  console.error(name);
  if ((await soak(name)) !== 0) missed.push(name);
}
if (missed.length > 0) console.error(`Missed: ${missed.join(', ')}`);
process.exit(missed.length === 0 && !isStopped ? 0 : 1);

function soak(name) {
  const run = [...HERMETIC, 'run', join(ROOT, 'test/soak/main.ts'), name];
  child = spawn(BUN, run, { cwd: ROOT, stdio: 'inherit' });
  return new Promise((resolve) => child.on('exit', resolve));
}
