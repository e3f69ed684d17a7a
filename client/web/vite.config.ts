import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

const backend = process.env.VITE_BACKEND_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [sveltekit()],
  server: {
    proxy: {
      '/api': backend,
      '/auth': backend,
      '/healthz': backend,
      '/ws': { target: backend, ws: true }
    }
  },
  test: {
    include: ['src/**/*.test.ts'],
    environment: 'jsdom',
    setupFiles: ['fake-indexeddb/auto']
  },
  // Component tests need the browser build of Svelte, not the one that renders on a server.
  resolve: process.env.VITEST ? { conditions: ['browser'] } : undefined
});
