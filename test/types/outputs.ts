/** The agents' published types, for tests that compare what the program prints with what agents read. */
export type { SyncHookJSONOutput } from '@anthropic-ai/claude-agent-sdk';
