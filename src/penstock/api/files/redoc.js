"use strict";
Redoc.init(
  "/openapi.json",
  { disableSearch: true, hideDownloadButton: true, nativeScrollbars: true },
  document.getElementById("redoc"),
);
