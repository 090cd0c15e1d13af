import type { Alert } from "../alert.ts";
import type { AlertQuery, Rules } from "../rules.ts";

// What has stood for longer is nobody's alarm any more, and would make every report read the past as a whole.
const standingMs = 31 * 86_400_000;
const pageRows = 1000;

/** What alarm quality is judged by: alerts that became active in `[from, to)`, and those of the month before that still stood. */
export async function* alertsForQuality(
  rules: Pick<Rules, "list">,
  { site, from, to }: { readonly site?: string | undefined; readonly from: number; readonly to: number },
): AsyncGenerator<readonly Alert[]> {
  const query = { activeFrom: Math.max(0, from - standingMs), activeTo: to, ...(site === undefined ? {} : { site }) };
  let cursor: string | null = null;
  do {
    const asked: AlertQuery = { ...query, limit: pageRows, ...(cursor === null ? {} : { cursor }) };
    const page: Awaited<ReturnType<Rules["list"]>> = await rules.list(asked);
    yield page.items.filter(
      ({ active, returned, closed }) => (active ?? 0) >= from || (returned ?? closed ?? Infinity) > from,
    );
    cursor = page.next;
  } while (cursor !== null);
}
