/** Puts settings into our own config file, as text: the rest of it stays as it is. Pure. */
import { applyEdits, modify } from 'jsonc-parser';

/** @param text of the file; empty for none */
export function withSettings(text: string, settings: Readonly<Record<string, string | undefined>>): string {
  let edited = text.trim() === '' ? '{}\n' : text;
  for (const [key, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    const formattingOptions = { insertSpaces: true, tabSize: 2, eol: '\n' };
    edited = applyEdits(edited, modify(edited, [key], value, { formattingOptions }));
  }
  return edited;
}
