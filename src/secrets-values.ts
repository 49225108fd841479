/** Whether a value that stands where secrets stand is one, and whether it could be run. */

/** Shorter ones are no secrets, or none worth hiding. */
const MIN_LENGTH = 6;

/** What examples and configurations write instead of a secret, and passwords that everybody knows. */
const PLACEHOLDERS = new Set(
  `changeme change-me change_me placeholder example dummy sample redacted masked hidden secret secrets password passwd
  passphrase token apikey api-key api_key undefined nothing string number boolean object unknown required optional
  default default_value postgres username none null nil true false yes no test testing inherit`.split(/\s+/),
);
const PLACEHOLDER_FORMS = [
  // The same character all along: xxxxxx, ******, ......
  /^(.)\1*$/u,
  /^(?:x+[-_.]?)+$/i,
  /^(?:your|my|some|insert|enter|replace)[-_][a-z_-]+$/i,
  /^(?:example|dummy|fake|placeholder)[-_][a-z_-]+$/i,
  /^[a-z_-]+[-_](?:here|placeholder|example)$/i,
];

/** What is looked up when the text runs: variables, settings, files, addresses. */
const REFERENCES = [
  /^(?:process\.env|import\.meta\.env|os\.environ|os\.getenv|env|ENV|secrets|vars|config|settings|self|this)\b[.[(]/,
  // The variables of Windows' shell, and curl's way to name a file.
  /^%.*%$/s,
  /^@/,
  /^[a-z][a-z0-9+.-]*:\/\//i,
  /^(?:file|env|pass|fd|cmd|exec):/i,
];

/** Names joined by dots: another object's field. */
const FIELD_OF = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+$/;
/** A name with more than one word in it and no digit: `accessToken`, `user_input`, `DbPassword`. */
const NAME_IN_CODE = /^(?=[A-Za-z_]*[a-z](?:[A-Z]|_[a-z]))[A-Za-z_]+$/;

/** Whether a value is written out and worth hiding. `isCode`: it stands unquoted where code has names. */
export function isSecretValue(value: string, isCode: boolean): boolean {
  if (value.length < MIN_LENGTH || PLACEHOLDERS.has(value.toLowerCase())) return false;
  if (isCode && (FIELD_OF.test(value) || NAME_IN_CODE.test(value))) return false;
  return ![...PLACEHOLDER_FORMS, ...REFERENCES].some((form) => form.test(value));
}

/** Whether a value is written like a path from somewhere, a file that could be run, or like a shell command of git's. */
export function isPath(value: string): boolean {
  return /^(?:\/|~|!|\.{1,2}\/)/.test(value);
}

/** Whether a value of unknown form may be more than one word to a shell, or is a path or a word of small letters. */
export function couldRun(value: string): boolean {
  return isPath(value) || /^[a-z]+$/.test(value) || /[\s;&|<>()$`\\{}'"⟦⟧]/.test(value);
}

/** Whether a value is written like the name of a program: small letters, at most a version behind. */
export function isCommandWord(value: string): boolean {
  return /^[a-z]+(?:[-_.][a-z]+)*\d{0,3}$/.test(value);
}

/** What turns text into commands, or reads variables without naming them. */
const DYNAMIC = new RegExp(
  [
    '\\$\\(|`|\\$\\{!',
    '\\b(?:alias|trap|eval|exec|xargs|printenv|compgen|declare|typeset|source|parallel|awk|subprocess|child_process|system|spawn|popen)',
    '\\b(?:env|set|export -p)\\s*\\|',
    '\\|\\s*(?:[\\w/.-]+\\s+)*?[\\w/.-]*(?:sh|python[\\d.]*|perl|ruby|node)\\b',
    '(?:^|[;&|\\s])(?:ba|da|z|k)?sh\\s+-\\w*c\\b',
  ].join('|'),
  'i',
);

/** Whether a text can make a command of a word that stands in it as data. */
export function isDynamic(text: string): boolean {
  return DYNAMIC.test(text);
}
