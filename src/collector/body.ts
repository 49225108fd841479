/** The body of a request, of bounded size. How long it may take is bounded by the server. */

/** What bodies may hold of the memory, all together. */
export interface Room {
  /** False when there is not so much left. */
  take(bytes: number): boolean;
}

const ENDLESS: Room = { take: () => true };

/** Of what is too large, has no room, or does not come to its end because the sender hangs up, nothing is kept. Never rejects. */
export async function readBody(
  request: Request,
  maxBytes: number,
  room: Room = ENDLESS,
): Promise<Uint8Array | 'too-large' | 'no-room' | 'cut-off'> {
  try {
    return await read(request, maxBytes, room);
  } catch {
    return 'cut-off';
  }
}

async function read(request: Request, maxBytes: number, room: Room): Promise<Uint8Array | 'too-large' | 'no-room'> {
  const stated = request.headers.get('content-length');
  if (stated !== null) {
    const bytes = Number(stated);
    if (bytes > maxBytes) return 'too-large';
    return room.take(bytes) ? new Uint8Array(await request.arrayBuffer()) : 'no-room';
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return 'too-large';
    if (!room.take(chunk.byteLength)) return 'no-room';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
