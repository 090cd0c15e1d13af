declare global {
  namespace App {
    interface PageData {
      locale?: string;
    }
  }
}

export {};
