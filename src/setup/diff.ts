/** What is going to be written, as a unified diff. Pure. */
import { createTwoFilesPatch } from 'diff';
import type { FileChange } from './installation.ts';

/** A file that is made or removed is compared with /dev/null. Tokens are not shown. */
export function diffOf({ path, before, after }: FileChange): string {
  const [from, to] = [before === undefined ? '/dev/null' : path, after === undefined ? '/dev/null' : path];
  const patch = createTwoFilesPatch(from, to, before ?? '', after ?? '', undefined, undefined, { context: 2 });
  const body = patch.slice(patch.indexOf('---'));
  return body.replaceAll(/\bx(ox[a-z]|app)-[\w-]+/g, 'x$1-…');
}
