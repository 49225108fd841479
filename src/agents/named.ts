/** The dialect that the command of a hook names. */
import { AppError } from '../errors.ts';
import type { Agent } from '../types.ts';
import { AGENTS } from './agent.ts';

/**
 * Throws AppError('usage') for a name that there is not, and AppError('bad-input') where the event that asks is another agent's:
 * to a dialect that does not know it there would be nothing to ask about, and the call would pass.
 */
export function agentNamed(name: string, event: string | undefined): Agent {
  const agents = Object.values(AGENTS);
  const agent = agents.find((each) => each.name === name);
  if (agent === undefined)
    throw new AppError('usage', `Expected --agent to be one of ${Object.keys(AGENTS).join(', ')}, got ${name}`);
  const owners = agents.filter((each) => asksAt(each, event));
  if (owners.length === 0 || owners.includes(agent)) return agent;
  const others = owners.map((owner) => owner.name).join(' and ');
  throw new AppError('bad-input', `Expected an event of ${name}, got ${event}, which is one of ${others}`, {
    hint: 'Correct --agent in the command of the hook.',
  });
}

function asksAt(agent: Agent, event: string | undefined): boolean {
  const offers = event === undefined ? undefined : agent.offers({ hook_event_name: event, session_id: '', cwd: '' });
  return offers !== undefined && offers.form !== 'stop';
}
