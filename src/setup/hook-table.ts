/** Where setup puts the hooks of each agent, as a table for people: made of the plans that it follows. Pure. */
import type { AgentName } from '../types.ts';
import { GATE_MODES, type GateMode, type PlanOptions, planHooks, type Scope } from './hook-plans.ts';
import { opencodePluginPath } from './opencode-plugin.ts';

const AGENTS: readonly AgentName[] = ['claude', 'codex', 'cursor', 'gemini', 'opencode'];
const HEAD = [
  '| agent | `--mode` | file for you (`--scope user`) | for the project, for you in it | asks at, with `timeout` | is told of, with `timeout` |',
  '| --- | --- | --- | --- | --- | --- |',
];

/** As a Markdown table, for the README. @param deadlineMs the default one */
export function hooksTable(deadlineMs: number): string {
  const rows = AGENTS.flatMap((agent) => {
    const [dialog = '', every = ''] = GATE_MODES.map((mode) => rowOf(agent, mode, deadlineMs));
    const row = (mode: string, cells: string): string => `| ${agent} | ${mode} | ${cells} |`;
    return dialog === every ? [row('', dialog)] : [row('dialog', dialog), row('every-call', every)];
  });
  return [...HEAD, ...rows].join('\n');
}

function rowOf(agent: AgentName, mode: GateMode, deadlineMs: number): string {
  const optionsFor = (scope: Scope): PlanOptions => ({
    ...{ scope, mode, program: 'claude-slack-hook', deadlineMs, home: '~', project: '.', env: {} },
  });
  const pathFor = (scope: Scope): string => {
    const options = optionsFor(scope);
    return `\`${planHooks(agent, options)?.path ?? opencodePluginPath(scope, options)}\``;
  };
  const inProject = [...new Set([pathFor('project'), pathFor('local')])].join(', ');
  const hooks = planHooks(agent, optionsFor('user'))?.hooks;
  const cells =
    hooks === undefined
      ? ['a plugin: opencode waits for no hook', '']
      : [true, false].map((asks) => eventsOf(hooks, asks));
  return [pathFor('user'), inProject, ...cells].join(' | ');
}

/** `PreToolUse, Stop: 5`; a time in the agent's own unit. */
function eventsOf(hooks: readonly (readonly [event: string, entry: unknown])[], asks: boolean): string {
  const found = hooks.flatMap(([event, entry]) => {
    const text = JSON.stringify(entry);
    const timeout = /"timeout":(\d+)/.exec(text)?.[1] ?? 'none';
    return text.includes('--observe') === asks ? [] : [{ event, timeout }];
  });
  const times = [...new Set(found.map(({ timeout }) => timeout))];
  const at = (time: string): string =>
    found.flatMap(({ event, timeout }) => (timeout === time ? [event] : [])).join(', ');
  return times.map((time) => `${at(time)}: ${time}`).join('; ');
}
