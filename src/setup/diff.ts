/** What is going to be written, as a unified diff. Pure. */
import { createTwoFilesPatch } from 'diff';
import { findFormats } from '../secrets-formats.ts';
import type { FileChange } from './installation.ts';

/** What a terminal acts on or does not show; a repository's settings may hold it. Lines end as they do. */
const HIDDEN = /(?!\n|\t|\r\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A file that is made or removed is compared with /dev/null. Secrets of known formats and the daemon's token are not shown. */
export function diffOf({ path, before, after }: FileChange): string {
  const [from, to] = [before === undefined ? '/dev/null' : path, after === undefined ? '/dev/null' : path];
  const patch = createTwoFilesPatch(from, to, before ?? '', after ?? '', undefined, undefined, { context: 2 });
  const body = patch
    .slice(patch.indexOf('---'))
    .replaceAll(/\bx(ox[a-z]|app)-[\w-]+/g, 'x$1-…')
    .replaceAll(/\bBearer [0-9a-f]{64}/g, 'Bearer …');
  return findFormats(body)
    .reduceRight((left, { start, end }) => `${left.slice(0, start)}…${left.slice(end)}`, body)
    .replaceAll(HIDDEN, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}
