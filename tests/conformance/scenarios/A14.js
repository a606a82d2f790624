'use strict';
// A14: a peer of the server's block list
const net = require('node:net');
const { namePort, note, watch } = require('../trace.js');

const blockList = new net.BlockList();
blockList.addAddress('127.0.0.1');
const server = watch(net.createServer({ blockList }), 'V');
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  namePort(port, 'V');
  const c = watch(new net.Socket(), 'C', { data: true });
  c.on('close', () => server.getConnections((_, count) => {
    note('V', 'connections', count);
    server.close();
  }));
  c.connect(port, '127.0.0.1');
});
