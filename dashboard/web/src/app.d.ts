declare global {
  namespace App {
    interface PageState {
      zoomed?: boolean;
    }
  }
}

export {};
