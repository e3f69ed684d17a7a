// A stranger's Yjs client: opens a project's canvas and takes, asks for a take, and prints what became of it.
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../client/web/package.json', import.meta.url))
const Y = require('yjs')
const { HocuspocusProvider, HocuspocusProviderWebsocket } = require('@hocuspocus/provider')
const { WebsocketProvider } = require('y-websocket')

const [url, project, token, shot, ...flags] = process.argv.slice(2)
const answer = console.log
console.log = console.error // stdout is for the answer

// The canvas over one dialect, the takes over the other: they are the same rooms.
const canvas = new Y.Doc()
const websocketProvider = new HocuspocusProviderWebsocket({ url: `${url}/ws/${project}` })
const provider = new HocuspocusProvider({ name: 'canvas', document: canvas, token, websocketProvider })
provider.attach()
const takes = new Y.Doc()
const yjs = new WebsocketProvider(`${url}/ws/${project}`, 'takes', takes, { params: { token }, disableBc: true })

const until = (doc, holds) => new Promise(resolve => {
  const look = () => { if (holds()) resolve() }
  doc.on('update', look)
  look()
})

const intent = `asked-${crypto.randomUUID()}`
await until(canvas, () => canvas.getMap('nodes').has(shot))
canvas.getMap('intents').set(intent, { kind: 'generate', node: shot, ...(flags.includes('fresh') && { fresh: true }) })
const job = () => takes.getMap('jobs').get(intent)?.toJSON()
await until(takes, () => ['refused', 'completed', 'failed', 'cancelled', 'lost'].includes(job()?.status))
answer(JSON.stringify({ job: job(), take: takes.getMap('takes').get(job().take) ?? null }))
provider.destroy()
websocketProvider.destroy()
yjs.destroy()
process.exit(0)
