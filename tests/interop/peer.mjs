// Real Yjs clients, driven by JSON lines on stdin; one JSON line answers each. Used through tests/support/hub.py.
import { createRequire } from 'node:module'
import readline from 'node:readline'

const require = createRequire(new URL('../../client/web/package.json', import.meta.url))
const Y = require('yjs')
const { WebsocketProvider } = require('y-websocket')
const { HocuspocusProvider, HocuspocusProviderWebsocket } = require('@hocuspocus/provider')

console.log = console.error // stdout is for answers

const peers = new Map()
const sockets = new Map()

class Peer {
  constructor ({ base, dialect, document, token, socket, sessionAware = false, awareness = true }, old) {
    this.doc = old?.doc ?? new Y.Doc()
    this.closes = []
    this.denials = []
    this.notices = []
    if (dialect === 'yjs') {
      this.provider = new WebsocketProvider(`${base}/film`, document, this.doc, { params: { token }, disableBc: true })
      this.provider.on('connection-close', event => this.closes.push(event?.code))
      this.socket = this.provider
    } else {
      const shared = socket && sockets.get(socket)
      this.socket = shared ?? new HocuspocusProviderWebsocket({ url: `${base}/film`, delay: 50, minDelay: 50 })
      if (socket) sockets.set(socket, this.socket)
      this.socket.on('close', ({ event }) => this.closes.push(event.code))
      this.provider = new HocuspocusProvider({
        name: document,
        document: this.doc,
        token: () => this.token,
        websocketProvider: this.socket,
        sessionAwareness: sessionAware,
        ...(awareness ? {} : { awareness: null }),
        onAuthenticationFailed: ({ reason }) => this.denials.push(reason),
        onStateless: ({ payload }) => this.notices.push(payload)
      })
      this.token = token
      this.provider.attach()
    }
  }

  get map () { return this.doc.getMap('nodes').toJSON() }
  get text () { return this.doc.getText('text').toString() }
  get synced () { return this.provider.synced }
  get unsynced () { return this.provider.unsyncedChanges }
  get saved () { return this.provider.synced && this.provider.unsyncedChanges === 0 }
  get scope () { return this.provider.authorizedScope }
  get states () { return Object.fromEntries(this.provider.awareness.getStates()) }
  get id () { return this.doc.clientID }
  get ws () { return this.provider.ws ?? this.socket.webSocket }
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const about = (peer, expression) => new Function('p', `return (${expression})`)(peer)

const ops = {
  open: (_, command) => { peers.set(command.peer, new Peer(command, peers.get(command.peer))) },
  set: (p, { key, value }) => { p.doc.getMap('nodes').set(key, value) },
  type: (p, { at, text }) => { p.doc.getText('text').insert(at ?? p.text.length, text) },
  erase: (p, { at, length, halves = false }) => {
    // Editors delete whole characters; half an emoji is not one (see test_convergence.py).
    const whole = i => halves || !/[\uDC00-\uDFFF]/.test(p.text[i] ?? '')
    while (!whole(at)) at--
    while (!whole(at + length)) length++
    p.doc.getText('text').delete(at, length)
  },
  presence: (p, { state }) => { p.provider.awareness.setLocalState(state) },
  raw: (p, { hex }) => { p.ws.send(Buffer.from(hex, 'hex')) },
  offline: async p => {
    p.socket.disconnect()
    // Until it has noticed, Hocuspocus's socket takes `connect` for superfluous, and would stay away for ever.
    while (p.socket !== p.provider && p.socket.status !== 'disconnected') await sleep(1)
  },
  online: p => { p.socket.connect() },
  cut: p => { p.provider.destroy(); if (p.socket !== p.provider) p.socket.destroy() },
  token: async (p, { token }) => { p.token = token; await p.provider.sendToken() },
  detach: p => { p.provider.detach() },
  update: p => Buffer.from(Y.encodeStateAsUpdate(p.doc)).toString('hex'),
  read: (p, { expression }) => about(p, expression) ?? null,
  until: async (p, { condition, within_seconds }) => {
    const end = Date.now() + within_seconds * 1000
    while (!about(p, condition)) {
      if (Date.now() > end) {
        const now = { map: p.map, text: p.text, unsynced: p.unsynced, closes: p.closes, denials: p.denials }
        throw new Error(`never happened: ${condition}; ${JSON.stringify(now).slice(0, 2000)}`)
      }
      await sleep(5)
    }
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let answer
  try {
    const command = JSON.parse(line)
    const peer = peers.get(command.peer)
    answer = { value: (await ops[command.op](peer, command)) ?? null }
  } catch (error) {
    answer = { error: String(error?.stack ?? error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
process.exit(0)
