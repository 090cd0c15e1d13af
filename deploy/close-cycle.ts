// npm run books:close -- --site demo --cycle 2026-10-01 --by Ana --reason "bill checked"
import { openCommand } from "./command.ts";

const usage = `usage: npm run books:close -- --site <id> --cycle <YYYY-MM-DD> [--by <name> --reason <text>] [--url <address>]
  Closes the billing cycle that holds that day, at a running product (http://127.0.0.1:8080), and prints its name.
  Without --by it closes nothing and shows the closed cycle with the corrections that came later.
Exit 0: done, 1: refused, 2: cannot.`;

interface Answer {
  readonly revision?: string;
  readonly detail?: string;
  readonly cycle?: { readonly revision: string; readonly by: string; readonly closedAt: number };
  readonly corrections?: readonly {
    readonly step: string;
    readonly start: number;
    readonly frozen: number | null;
    readonly revision: number;
    readonly at: number;
    readonly changes: readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[];
  }[];
}

const iso = (ms: number): string => new Date(ms).toISOString();

const lines = ({ cycle, corrections = [] }: Answer): string[] => [
  `${cycle?.revision} closed by ${cycle?.by} at ${iso(cycle?.closedAt ?? 0)}: ${corrections.length} corrections since`,
  ...corrections.flatMap(({ step, start, frozen, revision, at, changes }) => [
    `${step} ${iso(start)} r${frozen ?? 0} → r${revision} at ${iso(at)}`,
    ...changes.map(({ path, before, after }) => `  ${path}: ${before} → ${after}`),
  ]),
];

const main = async (): Promise<number> => {
  const { values, refuse } = openCommand({
    usage,
    needs: ["site", "cycle"],
    options: {
      site: { type: "string" },
      cycle: { type: "string" },
      by: { type: "string" },
      reason: { type: "string", default: "" },
      url: { type: "string", default: "http://127.0.0.1:8080" },
    },
  });
  const say = (text: string): boolean => process.stdout.write(`${text}\n`);
  const { site, cycle, by, reason, url } = values;
  // Noon is in its day in every zone but the farthest, where a cycle is a month long anyway.
  const at = Date.parse(`${cycle}T12:00:00Z`);
  if (Number.isNaN(at)) return refuse(`--cycle must be a date such as 2026-10-01, got "${cycle}"`);
  if (!URL.canParse(url)) return refuse(`--url must be an address, got "${url}"`);
  try {
    const command = { method: "POST", headers: { "content-type": "application/json" } };
    const answer =
      by === undefined
        ? await fetch(new URL(`/api/v1/cycles/${site}/${cycle}`, url))
        : await fetch(new URL("/api/v1/cycles/close", url), {
            ...command,
            body: JSON.stringify({ site, at, by, reason }),
          });
    const body = (await answer.json()) as Answer;
    if (!answer.ok) say(body.detail ?? `refused with ${answer.status}`);
    else if (by === undefined) for (const line of lines(body)) say(line);
    else say(`closed as ${body.revision}`);
    return answer.ok ? 0 : 1;
  } catch (error) {
    say(`cannot reach ${url}: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
};

process.exitCode = await main();
