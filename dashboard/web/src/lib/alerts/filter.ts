// Which alerts a page shows: the filter as the URL holds it.
import type { Alert, AlertState, Severity } from "#lib/wire.ts";

export const severities = ["CRITICAL", "MAJOR", "WARNING", "INFO"] as const satisfies readonly Severity[];
export const states = [
  "PENDING",
  "ACTIVE",
  "CLEARING",
  "RETURNED",
  "UNKNOWN",
  "SHELVED",
  "CLOSED",
] as const satisfies readonly AlertState[];

/** Open ones, all, what they cost, how good they are. */
export const views = ["open", "history", "waste", "quality"] as const;

export interface AlertFilter {
  readonly view: (typeof views)[number];
  readonly severities: readonly Severity[];
  readonly state: AlertState | null;
  readonly rule: string | null;
  /** Alerts of rules in shadow mode instead of those that were told. */
  readonly shadow: boolean;
  readonly text: string;
}

export const parseFilter = (search: URLSearchParams): AlertFilter => {
  const wanted = search.get("severity")?.split(",") ?? [];
  return {
    view: views.find((view) => view === search.get("view")) ?? "open",
    severities: severities.filter((severity) => wanted.includes(severity)),
    state: states.find((state) => state === search.get("state")) ?? null,
    rule: search.get("rule"),
    shadow: search.get("shadow") === "true",
    text: search.get("q") ?? "",
  };
};

/** Writes a filter into a search; what is not filtered leaves no trace. */
export const formatFilter = (search: URLSearchParams, filter: AlertFilter): URLSearchParams => {
  const next = new URLSearchParams(search);
  const put = (name: string, value: string | null): void => {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  };
  put("view", filter.view === "open" ? null : filter.view);
  put("severity", filter.severities.join(","));
  put("state", filter.state);
  put("rule", filter.rule);
  put("shadow", filter.shadow ? "true" : null);
  put("q", filter.text);
  return next;
};

/** What the server is asked: the text is looked for here. */
export const serverQuery = (filter: AlertFilter): Record<string, string | null> => ({
  severity: filter.severities.join(",") || null,
  state: filter.state ?? (filter.view === "open" ? "!CLOSED" : null),
  rule: filter.rule,
  shadow: filter.shadow ? "true" : null,
});

export const matchesText = (alert: Alert, text: string): boolean => {
  const needle = text.trim().toLowerCase();
  if (needle === "") return true;
  const hay = [
    alert.title.en,
    alert.title["zh-CN"],
    alert.rule,
    alert.subject,
    alert.subcode,
    alert.assignee ?? "",
    alert.acknowledged?.by ?? "",
    ...alert.comments.map(({ text: said }) => said),
  ];
  return hay.some((part) => part.toLowerCase().includes(needle));
};
