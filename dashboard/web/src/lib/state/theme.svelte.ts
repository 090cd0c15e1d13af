export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];
const storageKey = "wattlas.theme";

let theme = $state<Theme>("auto");
let dark = $state(false);

/** What was chosen, and whether the screen is dark now. Charts read `dark` to know when to draw again. */
export const appearance = {
  get theme() {
    return theme;
  },
  get dark() {
    return dark;
  },
};

const apply = (media: MediaQueryList): void => {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  dark = theme === "dark" || (theme === "auto" && media.matches);
};

export const setTheme = (next: Theme): void => {
  theme = next;
  localStorage.setItem(storageKey, next);
  apply(matchMedia("(prefers-color-scheme: dark)"));
};

export const followTheme = (): (() => void) => {
  const stored = localStorage.getItem(storageKey);
  theme = themes.find((name) => name === stored) ?? "auto";
  const media = matchMedia("(prefers-color-scheme: dark)");
  const changed = (): void => apply(media);
  changed();
  media.addEventListener("change", changed);
  return () => media.removeEventListener("change", changed);
};
