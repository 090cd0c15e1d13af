import type { Ledger, LedgerRow, Page } from "#store";
import { brokenAt, emptyHead, evidentKinds, type Head, headOf, type Link, rowHash } from "./chain.ts";
import { evidenceKind, readLink } from "./evidence.ts";

export interface Verdict {
  /** Where the chain stands. */
  readonly head: Head;
  readonly links: number;
  /** What is wrong, at most a hundred; none proves that nothing in the chain was changed, lost or added. */
  readonly faults: readonly string[];
}

const faultsAtMost = 100;
const pageRows = 1000;

async function* listed(ledger: Ledger, kind: string): AsyncGenerator<LedgerRow> {
  let cursor: string | null = null;
  do {
    const page: Page<LedgerRow> = await ledger.list({ kind, limit: pageRows, ...(cursor === null ? {} : { cursor }) });
    yield* page.items;
    cursor = page.next;
  } while (cursor !== null);
}

/**
 * Walks the whole chain and every evident row. `outside` is a head that was kept elsewhere (retained topic, report):
 * only against one does a missing end of the chain show.
 */
export const verifyEvidence = async (ledger: Ledger, outside: Head | null = null): Promise<Verdict> => {
  const faults: string[] = [];
  const fault = (text: string): void => {
    if (faults.length < faultsAtMost) faults.push(text);
  };
  // Hashes of each row's revisions, in the order they were chained.
  const chained = new Map<string, string[]>();
  let head = emptyHead;
  let links = 0;
  let passed = outside === null || outside.count === 0;
  for await (const row of listed(ledger, evidenceKind)) {
    const link: Link = readLink(row);
    links += 1;
    const broken = brokenAt(link, links, head);
    if (broken !== null) {
      fault(broken);
      // Goes on from where it stands, so that one fault is told once.
      links = link.link;
    }
    head = headOf(link);
    if (outside !== null && head.count === outside.count) {
      passed = true;
      if (head.hash !== outside.hash)
        fault(`the head kept outside at ${outside.count} rows has another hash than link ${link.link}`);
    }
    for (const { kind, key, hash } of link.rows) {
      const name = `${kind} ${key}`;
      const hashes = chained.get(name);
      if (hashes === undefined) chained.set(name, [hash]);
      else hashes.push(hash);
    }
  }
  if (outside !== null && head.count < outside.count)
    fault(`the chain ends at ${head.count} rows, the head kept outside says ${outside.count}: its end is missing`);
  else if (!passed) fault(`no link ends at the ${outside?.count} rows of the head kept outside`);

  for (const kind of evidentKinds) {
    for await (const { key } of listed(ledger, kind)) {
      const name = `${kind} ${key}`;
      const hashes = chained.get(name) ?? [];
      chained.delete(name);
      const revisions = await ledger.history(kind, key);
      if (revisions.length < hashes.length)
        fault(`${name}: ${hashes.length - revisions.length} of ${hashes.length} revisions are missing`);
      if (revisions.length > hashes.length)
        fault(`${name}: ${revisions.length - hashes.length} revisions were added past the chain`);
      const counts = new Map<string, number>();
      for (const hash of hashes) counts.set(hash, (counts.get(hash) ?? 0) + 1);
      for (const row of revisions.slice(0, hashes.length)) {
        const hash = rowHash(row);
        const left = counts.get(hash) ?? 0;
        if (left === 0) fault(`${name}: revision ${row.revision} is not what was written`);
        else counts.set(hash, left - 1);
      }
    }
  }
  for (const [name, hashes] of chained) fault(`${name}: missing with all its ${hashes.length} revisions`);
  return { head, links, faults };
};
