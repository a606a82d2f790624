// The servers on Node: `node node.mjs KIND [UPSTREAM-PORT]`.
import net from 'node:net';
import { createInterface } from 'node:readline';

const [kind, upstream] = process.argv.slice(2);
const GREETING = Buffer.alloc(64, 'g');
const members = new Set();

const serve = {
  echo(socket) {
    socket.pipe(socket);
  },
  idle(socket) {
    socket.pipe(socket);
  },
  lines(socket) {
    createInterface({ input: socket }).on('line', (line) => socket.write(line + '\n'));
  },
  sink(socket) {
    let total = 0;
    socket.on('data', (chunk) => { total += chunk.length; });
    socket.on('end', () => socket.end(`${total}\n`));
  },
  churn(socket) {
    socket.write(GREETING);
    socket.destroySoon();
  },
  timeout(socket) {
    socket.pipe(socket);
    socket.setTimeout(30_000, () => socket.destroy());
  },
  chat(socket) {
    members.add(socket);
    socket.on('close', () => members.delete(socket));
    createInterface({ input: socket }).on('line', (line) => {
      const bytes = Buffer.from(line + '\n');
      for (const member of members) member.write(bytes);
    });
  },
  proxy(socket) {
    const back = net.connect({ port: Number(upstream), host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    back.on('error', () => socket.destroy());
    socket.on('error', () => back.destroy());
    socket.pipe(back);
    back.pipe(socket);
  },
};

const noDelay = kind !== 'sink' && kind !== 'churn';
const allowHalfOpen = kind === 'sink' || kind === 'proxy';
const server = net.createServer({ noDelay, allowHalfOpen }, (socket) => {
  socket.on('error', () => {});
  serve[kind](socket);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
