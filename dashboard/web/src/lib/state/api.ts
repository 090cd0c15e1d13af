import type { ProblemWire } from "#lib/wire.ts";

/** The server's answer was not what was asked for; `code` is the server's, or `OFFLINE`. */
export class ApiError extends Error {
  static {
    ApiError.prototype.name = "ApiError";
  }
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export type Query = Readonly<Record<string, string | number | null | undefined>>;

/** `/api/v1/<path>?…`; parameters that are null or empty are left out. */
export const apiUrl = (path: string, query: Query = {}): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text === "" ? `/api/v1/${path}` : `/api/v1/${path}?${text}`;
};

const ask = async <Body>(url: string, init: RequestInit): Promise<Body> => {
  const response = await fetch(url, init).catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError("OFFLINE", 0, String(cause));
  });
  if (response.ok) return (await response.json()) as Body;
  const problem = (await response.json().catch(() => null)) as ProblemWire | null;
  // A command that is refused names the reason's own code beside the server's.
  const finer = problem?.errors?.find(({ name }) => /^[A-Z]+_[A-Z_]+$/.test(name))?.name;
  throw new ApiError(finer ?? problem?.code ?? "HTTP", response.status, problem?.detail ?? response.statusText);
};

export const getJson = <Body>(path: string, query?: Query, signal?: AbortSignal): Promise<Body> =>
  ask<Body>(apiUrl(path, query), signal === undefined ? {} : { signal });

export const postJson = <Body>(path: string, body: unknown): Promise<Body> =>
  ask<Body>(apiUrl(path), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
