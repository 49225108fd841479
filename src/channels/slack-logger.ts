/** What of our logger the channel needs, and how the SDK gets to write to it. */
import { LogLevel } from '@slack/web-api';
import { safeText } from './slack-errors.ts';

/** The part of pino that is used here. */
export interface ChannelLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** As `Logger` of the Slack packages, which do not all export it. */
export interface SdkLogger {
  debug(...messages: unknown[]): void;
  info(...messages: unknown[]): void;
  warn(...messages: unknown[]): void;
  error(...messages: unknown[]): void;
  setLevel(level: LogLevel): void;
  getLevel(): LogLevel;
  setName(name: string): void;
}

/**
 * The SDK's lines at debug level, cleaned. Its own debug lines are dropped at every level: they hold whole payloads,
 * and with them nonces, tickets and response addresses.
 */
export function createSdkLogger(logger: ChannelLogger): SdkLogger {
  const write = (...messages: unknown[]): void =>
    logger.debug(
      {
        sdk: messages
          .map(safeText)
          .filter((text) => text !== '')
          .join(' '),
      },
      'slack library',
    );
  return {
    debug: () => {},
    info: write,
    warn: write,
    error: write,
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  };
}
