/** The daemon's log: pino, one JSON line an event, without secrets, in a private file that rotates by size. */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { pino } from 'pino';

export type Logger = pino.Logger;

/** Where lines go. A write never throws: a full disk must not stop a decision. */
export interface LogSink {
  write(line: string): void;
}

const MAX_BYTES = 10 * 1024 * 1024;
const KEEP = 3;
/** How often the file is checked for having been moved away by somebody else's rotation. */
const CHECK_MS = 1000;

/** Everything below these keys is replaced, whoever logs it. */
const SECRET_KEYS = [
  'token',
  'botToken',
  'appToken',
  'nonce',
  'authorization',
  'cookie',
  'ticket',
  'trigger_id',
  'response_url',
];

/** Secrets by their form, for texts that we do not write ourselves: errors, the SDK's debug lines. */
const SECRET_FORMS: readonly (readonly [RegExp, string])[] = [
  // Bot, user, app-level, refresh and configuration tokens.
  [/\bx(?:ox[a-z]|app|oxe\.xox[a-z])-[A-Za-z0-9-]+/g, '[redacted]'],
  // The last part of a button's value is the nonce of its request.
  [/\b(v1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)\.[A-Za-z0-9_-]{16,}/g, '$1.[redacted]'],
  // The address of a Socket Mode connection opens it.
  [/([?&](?:ticket|token)=)[^&"'\s\\]+/g, '$1[redacted]'],
];

/** What JSON leaves as it is and a terminal obeys or shows as the end of a line: a record is one line, and nothing but text. */
const OBEYED = /[\u007f-\u009f\u2028\u2029]/g;

/**
 * @param level pino's level names, or `silent`
 * @param secrets values that must not appear whatever the key
 */
export function createLogger(level: string, sink: LogSink, secrets: readonly string[] = []): Logger {
  const known = secrets.filter((secret) => secret.length >= 8);
  const scrub = (line: string): string => {
    let clean = known.reduce((text, secret) => text.replaceAll(secret, '[redacted]'), line);
    for (const [form, replacement] of SECRET_FORMS) clean = clean.replace(form, replacement);
    return clean.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  };
  return pino(
    {
      level,
      base: { pid: process.pid },
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    },
    { write: (line: string) => sink.write(scrub(line)) },
  );
}

/** A file of mode 0600 that is renamed to .1, .2 … at 10 MiB; the last three are kept. */
export function createLogFile(path: string, { maxBytes = MAX_BYTES, now = Date.now } = {}): LogSink {
  let fd: number | undefined;
  let inode = 0;
  let size = 0;
  let checkedAt = 0;

  const open = (): number => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const opened = openSync(
      path,
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK,
      0o600,
    );
    const stat = fstatSync(opened);
    if (stat.isFile()) fchmodSync(opened, 0o600);
    inode = stat.ino;
    size = stat.size;
    return opened;
  };
  const close = (): void => {
    const closing = fd;
    fd = undefined;
    if (closing !== undefined) closeSync(closing);
  };
  const rotate = (): void => {
    close();
    for (let number = KEEP - 1; number >= 1; number -= 1) {
      const older = number === 1 ? path : `${path}.${number - 1}`;
      if (lstatSync(older, { throwIfNoEntry: false }) !== undefined) renameSync(older, `${path}.${number}`);
    }
  };

  return {
    write(line) {
      try {
        if (now() - checkedAt > CHECK_MS) {
          checkedAt = now();
          if (fd !== undefined && lstatSync(path, { throwIfNoEntry: false })?.ino !== inode) close();
        }
        if (size >= maxBytes && fd !== undefined) rotate();
        fd ??= open();
        size += writeSync(fd, line);
      } catch {
        // Nowhere left to say it; the next line tries again.
        close();
      }
    },
  };
}

/** Lines on stderr, for a daemon in the foreground. */
export const stderrSink: LogSink = {
  write(line) {
    try {
      writeSync(2, line);
    } catch {
      // A reader that went away (EPIPE) must not end the daemon.
    }
  },
};
