/** The connection of one page that follows what happens. */

export interface Viewer {
  /** What the page's browser reads, in UTF-8. */
  readonly body: ReadableStream<Uint8Array>;
  /** A whole frame. A viewer that does not read them is left. */
  send(frame: Uint8Array): void;
  end(): void;
}

/** What may wait for a slow reader beside what its connection holds: some frames of the largest kind. In bytes. */
const MAX_QUEUED = 1_048_576;

/** `onEnd` is called once: when the page is closed, does not read, or `end` is called. */
export function createViewer(onEnd: () => void): Viewer {
  let isOpen = true;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const end = (): void => {
    if (!isOpen) return;
    isOpen = false;
    onEnd();
    try {
      controller?.close();
    } catch {
      // Its reader has left already.
    }
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start: (given) => {
        controller = given;
      },
      cancel: () => end(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_QUEUED }),
  );
  return {
    body,
    end,
    send: (frame) => {
      if (!isOpen || controller === undefined) return;
      if ((controller.desiredSize ?? 0) <= 0) end();
      else controller.enqueue(frame);
    },
  };
}
