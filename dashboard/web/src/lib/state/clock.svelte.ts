let now = $state(Date.now());

/** The browser's clock, once a second while a page is looking. */
export const clock = {
  get now() {
    return now;
  },
};

export const runClock = (): (() => void) => {
  const timer = setInterval(() => {
    if (!document.hidden) now = Date.now();
  }, 1000);
  const visible = (): void => {
    now = Date.now();
  };
  document.addEventListener("visibilitychange", visible);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", visible);
  };
};
