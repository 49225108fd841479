/** Does what goes between Slack and this machine work? */
import type { AppError } from '../errors.ts';
import { type Check, fail, failure, isError, ok, skipped, warn } from './check.ts';

/** A connection that was opened and watched. */
export interface HeldFacts {
  readonly heldMs: number;
  /** It broke, and Slack had not said that it would. */
  readonly isLost: boolean;
  /** Connections of the app, whoever holds them, ours included. */
  readonly numConnections: number;
}

/** What our daemon says of its connection. */
export interface DaemonLink {
  readonly state: string;
  readonly reason?: string;
  readonly warning?: string;
}

export interface SlackFacts {
  readonly apiUrl: string;
  /** Our daemon's connection, or one that was held for the check. Undefined when neither was looked at. */
  readonly connection: { readonly daemon: DaemonLink } | { readonly held: HeldFacts | AppError } | undefined;
  /** Whether a message reaches each approver: `unknown` where the token may not look. */
  readonly approvers: readonly { readonly id: string; readonly reach: 'open' | 'unknown' | AppError }[];
  /** Whether the app's Messages tab is on. */
  readonly messagesTab: 'on' | 'unknown' | AppError | undefined;
  /** This machine's clock minus Slack's, in milliseconds. */
  readonly skewMs: number | undefined;
  /** The variable that names a proxy. */
  readonly proxy: string | undefined;
  /** NO_PROXY is set beside it. */
  readonly hasExceptions: boolean;
}

const SLACK = 'https://slack.com/api/';
/** Slack's own requests may be five minutes off; a minute is enough to make times on cards wrong. */
const MAX_SKEW_MS = 60_000;
const SHARED_FIX =
  'Slack hands each click to only one connection of an app: give every person and machine an app of its own.';
const BROKEN_FIX = 'Check the network between here and wss-primary.slack.com, such as a proxy that ends WebSockets.';
const DOWN_FIX = 'Mend what the reason names; the daemon tries again by itself.';
const UNREACHABLE = { code: 'slack-unreachable' } as const;

/** From the address to the proxy. */
export function checkSlack(facts: SlackFacts): readonly Check[] {
  const { apiUrl, approvers, messagesTab, skewMs } = facts;
  return [
    ...(apiUrl === SLACK
      ? []
      : [
          warn(
            'api-url',
            `Slack: the API address is ${apiUrl}, not Slack's own`,
            'Unless that is meant, remove apiUrl or SLACK_API_URL.',
          ),
        ]),
    ...connectionChecks(facts.connection),
    ...(messagesTab === undefined ? [] : [tabCheck(messagesTab)]),
    ...approvers.map(({ id, reach }) =>
      isError(reach)
        ? failure('approver', `approver ${id}`, reach)
        : reach === 'open'
          ? ok('approver', `approver ${id}: can be written to`)
          : skipped(
              'approver',
              `approver ${id}: not looked at without the scope im:write; claude-slack-hook --test sends a card`,
            ),
    ),
    ...(skewMs === undefined ? [] : [clockCheck(skewMs)]),
    ...proxyChecks(facts),
  ];
}

function connectionChecks(connection: SlackFacts['connection']): readonly Check[] {
  if (connection === undefined) return [skipped('connection', 'Socket Mode: not tried')];
  if ('daemon' in connection) return daemonChecks(connection.daemon);
  const { held } = connection;
  if (isError(held)) return [failure('connection', 'Socket Mode', held)];
  const { heldMs, isLost, numConnections } = held;
  const seconds = `${Math.round(heldMs / 1000)} s`;
  const shared = numConnections > 1;
  return [
    isLost
      ? fail('connection', `Socket Mode: the connection broke within ${seconds}`, BROKEN_FIX, UNREACHABLE)
      : ok('connection', `Socket Mode: a connection held for ${seconds}, ${numConnections} open`),
    ...(shared
      ? [
          warn(
            'shared-app',
            `Socket Mode: somebody else holds ${numConnections - 1} of the app's connections`,
            SHARED_FIX,
          ),
        ]
      : []),
  ];
}

function daemonChecks({ state, reason, warning }: DaemonLink): readonly Check[] {
  const why = reason === undefined ? '' : ` (${reason})`;
  return [
    state === 'connected'
      ? ok('connection', 'Socket Mode: the daemon is connected')
      : state === 'down'
        ? fail('connection', `Socket Mode: the daemon is not connected${why}`, DOWN_FIX, UNREACHABLE)
        : warn('connection', `Socket Mode: the daemon is ${state}${why}`, 'Run it again in a moment.'),
    ...(warning === undefined
      ? []
      : [
          warn(
            'shared-app',
            `Socket Mode: ${warning}`,
            'Run claude-slack-hook --stop, then doctor again: it says whose tokens these are.',
          ),
        ]),
  ];
}

function tabCheck(tab: 'on' | 'unknown' | AppError): Check {
  if (isError(tab)) return failure('messages-tab', 'Messages tab', tab);
  return tab === 'on'
    ? ok('messages-tab', 'Messages tab: on')
    : skipped(
        'messages-tab',
        'Messages tab: Slack does not say without the scope im:write; claude-slack-hook --test sends a card',
      );
}

function clockCheck(skewMs: number): Check {
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return ok('clock', `clock: ${seconds} s from Slack's`);
  return warn(
    'clock',
    `clock: ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} Slack's`,
    'Set the clock, such as by timedatectl set-ntp true: times on cards and in the audit log are wrong.',
  );
}

function proxyChecks({ proxy, hasExceptions, connection }: SlackFacts): readonly Check[] {
  if (proxy === undefined) return [];
  const what = `proxy: ${proxy} is set${hasExceptions ? ', with NO_PROXY' : ''}; calls use it, Socket Mode's WebSocket does not`;
  const isConnected =
    connection !== undefined &&
    ('daemon' in connection
      ? connection.daemon.state === 'connected'
      : !isError(connection.held) && !connection.held.isLost);
  if (isConnected) return [ok('proxy', `${what}, and connects without`)];
  return [warn('proxy', what, 'Allow direct connections to wss-primary.slack.com.')];
}
