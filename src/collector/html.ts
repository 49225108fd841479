/** Markup as text, escaped by hono. */
import { jsx } from 'hono/jsx';
import type { H } from './markup.ts';

export type Html = ReturnType<typeof jsx>;

type Children = Parameters<typeof jsx>[2][];

/** Attributes are copied: hono keeps and changes what it is given. */
export const h: H<Html> = (tag, props, ...children) => jsx(tag, { ...props }, ...(children as Children));

/** A whole document. Nothing of ours is asynchronous, so that the text is there at once. */
export function documentOf(root: Html): string {
  return `<!doctype html>\n${root.toString()}\n`;
}
