/** The daemon's answers to Claude Code's http hooks: token, door and desk put together. Loaded only with `--http`. */
import type { Clients } from './clients.ts';
import { createHttpDesk, type HttpDeskOptions } from './http-desk.ts';
import { HTTP_PATH } from './http-door.ts';
import { createHttpListener } from './http-listener.ts';
import { httpTokenFile, tokenIn } from './http-token.ts';
import type { Logger } from './logger.ts';
import type { DaemonStatus } from './protocol.ts';
import type { Settings } from './settings.ts';
import type { AppPaths } from './state.ts';
import type { Agent } from './types.ts';

export interface HttpServerOptions {
  /** As it was asked for. */
  readonly port: number;
  /** The port in its place; 0 for any that is free. */
  readonly listenOn?: number;
  /** Where the token is. */
  readonly paths: AppPaths;
  readonly clients: Pick<Clients, 'onLine' | 'onGone'>;
  readonly agent: Agent;
  /** Fingerprint of the daemon's Slack app. */
  readonly app: string;
  readonly settings: Settings;
  /** See `HttpListener`. */
  readonly onRead: (bytes: number) => void;
  /** See `HttpListener`. */
  readonly others?: (request: Request) => Response | Promise<Response>;
  /** See `HttpDesk`. */
  readonly mustAsk: HttpDeskOptions['mustAsk'];
  readonly heard?: HttpDeskOptions['heard'];
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

export interface HttpServer {
  status(): NonNullable<DaemonStatus['http']>;
  /**
   * Takes no new connections, and resolves when the last answers have gone out. Whoever waits is answered by the outcome
   * that the daemon gives it (`hasOutcomes`), or is withdrawn and gets the failure answer.
   */
  stop(hasOutcomes: boolean): Promise<void>;
}

/** Throws AppError('state-dir'). A port that cannot be had is no error: see `HttpListener`. */
export async function openHttp(options: HttpServerOptions): Promise<HttpServer> {
  const { port, listenOn = port, paths, settings, onRead, others, logger } = options;
  const tokenFile = httpTokenFile(paths);
  const token = tokenIn(tokenFile);
  const desk = createHttpDesk({ ...options, token });
  const listener = await createHttpListener({
    ...{ port: listenOn, token, maxInputBytes: settings.maxInputBytes, onRead, answer: desk.answer, others, logger },
  });
  const url = (): string => `http://127.0.0.1:${listener.port()}${HTTP_PATH}`;
  if (listener.trouble() === undefined) logger.info({ url: url() }, 'listening for HTTP');
  return {
    status: () => {
      const trouble = listener.trouble();
      return { port, url: url(), tokenFile, ...(trouble === undefined ? {} : { trouble }) };
    },
    stop: (hasOutcomes) => {
      if (!hasOutcomes) desk.close();
      return listener.stop();
    },
  };
}
