/** Which events are sent at all. */
import { eventNameOf, type SentEvent, toolOf } from './event.ts';

export interface Filter {
  /** Patterns; undefined: all. */
  readonly events: readonly string[] | undefined;
  readonly tools: readonly string[] | undefined;
}

/** `A,B*` -> its parts; undefined for none. */
export function readPatterns(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  return text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}

/** True where the event's name and its tool are wanted. An event without a tool is not the business of `tools`. */
export function isWanted(event: SentEvent, { events, tools }: Filter): boolean {
  const tool = toolOf(event);
  return (
    (events === undefined || fits(eventNameOf(event) ?? '', events)) &&
    (tools === undefined || tool === undefined || fits(tool, tools))
  );
}

function fits(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matches(text, pattern));
}

/** `*` stands for any characters. Without a regular expression: nobody's pattern can take long. */
function matches(text: string, pattern: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return text === head;
  if (!text.startsWith(head) || !text.endsWith(tail) || text.length < head.length + tail.length) return false;
  const end = text.length - tail.length;
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
