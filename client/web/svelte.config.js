import adapter from '@sveltejs/adapter-static';

/** @type {import('@sveltejs/kit').Config} */
export default {
  compilerOptions: { runes: ({ filename }) => (filename.includes('node_modules') ? undefined : true) },
  kit: {
    // One page for every address: the server answers unknown paths with it and the router does the rest.
    adapter: adapter({ fallback: 'index.html' }),
    // The server reads the hashes of the build from here, and sends them with the rest of the policy as a header.
    csp: { mode: 'hash', directives: { 'script-src': ['self'] } }
  }
};
