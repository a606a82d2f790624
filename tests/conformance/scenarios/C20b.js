'use strict';
// C20b: destroy in the data listener, the FIN being there too
const { pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true } }, (s, c) => {
  s.on('data', () => s.destroy());
  c.end('bye');
  settle(() => s.resume());
});
