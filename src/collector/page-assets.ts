/** The files that pages load: style and island, under names that change with what is in them. */
import { createHash } from 'node:crypto';
import { islandSource } from './island-bundle.ts' with { type: 'macro' };
import styles from './styles.css' with { type: 'text' };

interface Asset {
  readonly type: string;
  readonly body: string;
}

// A string, not a promise: Bun puts the macro's result here.
const island: string = islandSource();

export const STYLES_PATH: string = named('styles', styles, 'css');
export const ISLAND_PATH: string = named('island', island, 'js');

/** By path. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  [STYLES_PATH, { type: 'text/css; charset=utf-8', body: styles }],
  [ISLAND_PATH, { type: 'text/javascript; charset=utf-8', body: island }],
]);

function named(name: string, body: string, extension: string): string {
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
  return `/assets/${name}.${hash}.${extension}`;
}
