/** A topic of ours, as parts. */
export type TopicAddress =
  | { readonly kind: "telemetry"; readonly site: string; readonly device: string }
  | { readonly kind: "batch"; readonly site: string; readonly device: string }
  | { readonly kind: "status"; readonly site: string; readonly device: string }
  | { readonly kind: "account"; readonly site: string; readonly step: string; readonly restated: "restated" | "newest" }
  | { readonly kind: "alert"; readonly site: string; readonly rule: string; readonly subject: string };
