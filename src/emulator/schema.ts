/** Small checks that put together describe Block Kit. Messages are worded as Slack's are. */
import { isRecord } from './json.ts';

/** Adds what is wrong with `value`, which stands at `pointer`, to `problems`. */
export type Check = (value: unknown, pointer: string, problems: string[]) => void;

export type Fields = Readonly<Record<string, Check>>;

export function problem(message: string, pointer: string): string {
  return `${message} [json-pointer:${pointer}]`;
}

/** A string of `min` to `max` characters, counted as JavaScript does (Slack does not say how it counts; this is the stricter way). */
export function text(max: number, min = 1): Check {
  return (value, pointer, problems) => {
    if (typeof value !== 'string') problems.push(problem('must be a string', pointer));
    else if (value.length < min) problems.push(problem(`must be more than ${min - 1} characters`, pointer));
    else if (value.length > max) problems.push(problem(`must be less than ${max + 1} characters`, pointer));
  };
}

export const flag: Check = (value, pointer, problems) => {
  if (typeof value !== 'boolean') problems.push(problem('must be a boolean', pointer));
};

export function integer(min: number, max: number): Check {
  return (value, pointer, problems) => {
    if (!Number.isInteger(value) || Number(value) < min || Number(value) > max) {
      problems.push(problem(`must be an integer from ${min} to ${max}`, pointer));
    }
  };
}

export function oneOf(...allowed: readonly unknown[]): Check {
  return (value, pointer, problems) => {
    if (!allowed.includes(value)) problems.push(problem(`must be one of: ${allowed.join(', ')}`, pointer));
  };
}

export function list(item: Check, max: number, min = 1): Check {
  return (value, pointer, problems) => {
    if (!Array.isArray(value)) problems.push(problem('must be an array', pointer));
    else if (value.length < min) problems.push(problem(`no fewer than ${min} items allowed`, pointer));
    else if (value.length > max) problems.push(problem(`no more than ${max} items allowed`, pointer));
    else for (const [index, entry] of value.entries()) item(entry, `${pointer}/${index}`, problems);
  };
}

/** An object with these fields and no others. */
export function shape(required: Fields, optional: Fields = {}): Check {
  return (value, pointer, problems) => {
    if (!isRecord(value)) {
      problems.push(problem('must be an object', pointer));
      return;
    }
    for (const name of Object.keys(required)) {
      if (value[name] === undefined) problems.push(problem(`missing required field: ${name}`, pointer));
    }
    for (const [name, field] of Object.entries(value)) {
      if (field === undefined) continue;
      // Own fields only: `constructor` is no field of a block.
      const check = own(required, name) ?? own(optional, name);
      if (check === undefined) problems.push(problem(`invalid additional property: ${name}`, pointer));
      else check(field, `${pointer}/${name}`, problems);
    }
  };
}

/** An object whose `type` says which of these shapes it has. */
export function byType(kinds: Readonly<Record<string, Check>>): Check {
  return (value, pointer, problems) => {
    if (!isRecord(value)) problems.push(problem('must be an object', pointer));
    else if (value.type === undefined) problems.push(problem('missing required field: type', pointer));
    else {
      const check = typeof value.type === 'string' ? own(kinds, value.type) : undefined;
      if (check === undefined) problems.push(problem(`unsupported type: ${String(value.type)}`, `${pointer}/type`));
      else check(value, pointer, problems);
    }
  };
}

/** A shape that carries its own `type`; for `byType`. */
export function typed(required: Fields, optional: Fields = {}): Check {
  return shape({ type: anything, ...required }, optional);
}

export const anything: Check = () => {};

/** Several checks of one value. */
export function all(...checks: readonly Check[]): Check {
  return (value, pointer, problems) => {
    for (const check of checks) check(value, pointer, problems);
  };
}

/** At least one of these fields must be there. */
export function anyOf(...names: readonly string[]): Check {
  return (value, pointer, problems) => {
    if (isRecord(value) && !names.some((name) => value[name] !== undefined)) {
      problems.push(problem(`must define either ${names.map((name) => `\`${name}\``).join(' or ')}`, pointer));
    }
  };
}

function own(record: Readonly<Record<string, Check>>, name: string): Check | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
