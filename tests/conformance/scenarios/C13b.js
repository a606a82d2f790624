'use strict';
// C13b: end with data in the data listener, the FIN being there too
const { cb, note, pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true } }, (s, c) => {
  s.on('data', () => s.end('late', cb('S', 'end.cb')));
  c.end('bye');
  settle(() => {
    note('S', '.bytesRead', s.bytesRead);
    s.resume();
  });
});
