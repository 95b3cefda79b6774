// Offers the browser's time zone where none was chosen yet; nothing is kept before "Save".

const select = document.querySelector("select[data-zone]:not([data-chosen])");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

if (select && [...select.options].some((option) => option.value === zone)) {
  select.value = zone;
  document.querySelector("[data-zone-offered]").hidden = false;
}
