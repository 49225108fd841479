/** Reads an event stream frame by frame, without a browser. */
import type { RowModel } from '../../src/collector/row-model.ts';

export interface Frame {
  readonly event: string;
  readonly id?: string;
  readonly data: unknown;
}

export interface LiveReader {
  readonly status: number;
  /** The next frame of this kind; undefined when the stream ends before it. */
  next(event: string): Promise<Frame | undefined>;
  /** Comments that came so far. */
  comments(): number;
  leave(): void;
}

/** Follows `url`. The headers are those of the request. */
export async function readLive(url: string, headers: Record<string, string> = {}): Promise<LiveReader> {
  const end = new AbortController();
  const response = await fetch(url, { headers, signal: end.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const frames: Frame[] = [];
  let text = '';
  let comments = 0;
  const take = (part: string): void => {
    const fields = new Map(part.split('\n').map((line) => split(line)));
    if (fields.has('')) comments += 1;
    const data = fields.get('data');
    if (data === undefined) return;
    const id = fields.get('id');
    frames.push({
      event: fields.get('event') ?? 'message',
      data: JSON.parse(data),
      ...(id === undefined ? {} : { id }),
    });
  };
  return {
    status: response.status,
    next: async (event) => {
      for (;;) {
        const at = frames.findIndex((frame) => frame.event === event);
        if (at >= 0) return frames.splice(at, 1)[0];
        const read = await reader?.read().catch(() => undefined);
        if (read?.value === undefined) return undefined;
        const parts = `${text}${read.value}`.split('\n\n');
        text = parts.pop() ?? '';
        for (const part of parts) take(part);
      }
    },
    comments: () => comments,
    leave: () => end.abort(),
  };
}

export interface Rows {
  readonly rows: readonly RowModel[];
  readonly more: number;
}

export function rowsOf(frame: Frame | undefined): Rows {
  return frame?.data as Rows;
}

function split(line: string): readonly [string, string] {
  const at = line.indexOf(':');
  return [line.slice(0, at), line.slice(at + 1).trimStart()];
}
