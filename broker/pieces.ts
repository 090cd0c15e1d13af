// A piece of this size costs little beside its bytes; smaller ones are put together.
const ownBytes = 2048;
const blockBytes = 4096;

/** Bytes of one packet as they come, with no room held for those that are still to come. */
export function createPieces(): Pieces {
  const done: Buffer[] = [];
  let block: Buffer | null = null;
  let used = 0;

  function close(): void {
    if (block !== null) done.push(block.subarray(0, used));
    block = null;
    used = 0;
  }

  return {
    add(piece) {
      // Kept as it is only when it does not keep much else: a small buffer is commonly a view on a larger one.
      if (piece.length >= ownBytes && piece.length * 2 >= piece.buffer.byteLength) {
        close();
        done.push(piece);
        return;
      }
      for (let at = 0; at < piece.length; ) {
        block ??= Buffer.allocUnsafeSlow(blockBytes);
        const count = piece.copy(block, used, at);
        at += count;
        used += count;
        if (used === blockBytes) close();
      }
    },
    whole() {
      close();
      return Buffer.concat(done);
    },
  };
}

export interface Pieces {
  /** May keep the piece itself. */
  add(piece: Buffer): void;
  /** All of them in their order. */
  whole(): Buffer;
}
