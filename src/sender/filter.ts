/** Which events are sent at all. */
import { matchesRuns } from '../wildcard.ts';
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
  return patterns.some((pattern) => matchesRuns(pattern, text));
}
