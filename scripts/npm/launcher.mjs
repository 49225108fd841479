#!/usr/bin/env node
/**
 * `claude-slack-hook` as npm installs it: runs the executable that is made for this machine, with our arguments, stdio, signals
 * and exit code. It costs the start of Node, and Node obeys NODE_OPTIONS: a hook should name the executable itself, which
 * `claude-slack-hook --print-binary` prints.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';

/** What an agent takes for a block: a gate that cannot be asked must not be open. */
const CANNOT_RUN = 2;
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

const binary = findBinary();
const argv = process.argv.slice(2);
if (binary === undefined)
  fail(
    `no executable for ${process.platform} ${process.arch}; install again without --omit=optional, or build from source`,
  );
else if (argv.length === 1 && argv[0] === '--print-binary') process.stdout.write(`${binary}\n`);
else launch(binary);

/** The one that is installed; npm chooses by os, cpu and libc, and where it has taken both libcs, we do. */
function findBinary() {
  const base = `claude-slack-hook-${process.platform}-${process.arch}`;
  const [plain, musl] = [resolve(base), process.platform === 'linux' ? resolve(`${base}-musl`) : undefined];
  if (plain === undefined || musl === undefined) return plain ?? musl;
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime === undefined ? musl : plain;
}

function resolve(name) {
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/claude-slack-hook`);
  } catch {
    return undefined;
  }
}

function launch(path) {
  let child;
  for (const signal of FORWARDED) process.on(signal, () => child?.kill(signal));
  child = spawn(path, argv, { stdio: 'inherit' });
  child.on('error', (error) => fail(`cannot run ${path}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? CANNOT_RUN);
    // Ends as it ended; where we outlive that, the number says so.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    process.exitCode = 128 + constants.signals[signal];
  });
}

function fail(reason) {
  process.stderr.write(`claude-slack-hook: ${reason}\n`);
  process.exitCode = CANNOT_RUN;
}
