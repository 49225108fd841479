/** The documents that Claude Code accepts from its hooks, key by key: nothing else may stand in them. official.test.ts holds them to its types. */
import * as v from 'valibot';

const INPUT = v.record(v.string(), v.unknown());
const DESTINATION = v.picklist(['userSettings', 'projectSettings', 'localSettings', 'session']);
const RULE = v.strictObject({ toolName: v.string(), ruleContent: v.exactOptional(v.string()) });
const UPDATE = v.variant('type', [
  v.strictObject({
    type: v.literal('addRules'),
    rules: v.array(RULE),
    behavior: v.picklist(['allow', 'deny', 'ask']),
    destination: DESTINATION,
  }),
  v.strictObject({
    type: v.literal('setMode'),
    mode: v.picklist(['default', 'acceptEdits', 'bypassPermissions', 'plan', 'dontAsk', 'auto']),
    destination: DESTINATION,
  }),
]);

export const OUTPUTS = {
  PreToolUse: v.strictObject({
    hookSpecificOutput: v.strictObject({
      hookEventName: v.literal('PreToolUse'),
      permissionDecision: v.picklist(['allow', 'deny', 'ask']),
      permissionDecisionReason: v.string(),
      updatedInput: v.exactOptional(INPUT),
    }),
  }),
  PermissionRequest: v.strictObject({
    hookSpecificOutput: v.strictObject({
      hookEventName: v.literal('PermissionRequest'),
      decision: v.variant('behavior', [
        v.strictObject({
          behavior: v.literal('allow'),
          updatedInput: v.exactOptional(INPUT),
          updatedPermissions: v.exactOptional(v.array(UPDATE)),
        }),
        v.strictObject({
          behavior: v.literal('deny'),
          message: v.exactOptional(v.string()),
          interrupt: v.exactOptional(v.boolean()),
        }),
      ]),
    }),
  }),
  Stop: v.strictObject({ decision: v.literal('block'), reason: v.string() }),
} as const;

/** The one document on stdout, which must be whole and of the event's schema; undefined when nothing is printed. */
export function readOutput(event: string, stdout: string): Record<string, unknown> | undefined {
  if (stdout === '') return undefined;
  if (stdout.indexOf('\n') !== stdout.length - 1) throw new Error('Expected one line that ends in a line break');
  const schema = Object.entries(OUTPUTS).find(([name]) => name === event)?.[1];
  if (schema === undefined) throw new Error(`Expected nothing on stdout for ${event}, got ${stdout}`);
  const document: Record<string, unknown> = JSON.parse(stdout);
  v.parse(schema, document);
  return document;
}
