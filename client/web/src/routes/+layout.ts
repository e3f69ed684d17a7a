// The app lives in the browser: nothing is rendered on the server, every page is the same static shell.
export const ssr = false;
export const prerender = false;
