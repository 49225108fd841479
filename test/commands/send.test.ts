import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const SRC = join(import.meta.dir, '../../src');

test('a hook that sends loads no package but mri before it has sent, and neither the spool nor locks', () => {
  const files = new Set<string>();
  const packages = new Set<string>();
  const walk = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    // `import type` and import() are not loaded with the file.
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(/^import (?!type )[^;]*?from '([^']+)';/gm)) {
      if (target.endsWith('.ts')) walk(join(dirname(file), target));
      else if (!/^(node|bun):|\.json$/.test(target)) packages.add(target);
    }
  };
  for (const name of ['index.ts', 'commands/command.ts', 'commands/send.ts', 'sender/posting.ts'])
    walk(join(SRC, name));
  expect([...packages]).toEqual(['mri']);
  const heavy = ['sender/spool.ts', 'sender/replay.ts', 'sender/pause.ts', 'daemon-lock.ts', 'logger.ts'];
  expect([...files].filter((file) => heavy.some((name) => file === join(SRC, name)))).toEqual([]);
});
