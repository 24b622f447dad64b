"""Which collations a server recognizes, by how their names are made.

A designator (SQL Server, Windows and SQL Server collation names), perhaps a code page and a version, and how it compares.
"""

from __future__ import annotations

import re

from simulator.arm.errors import invalid

_DESIGNATORS = """
Albanian Arabic Assamese Azeri_Cyrillic Azeri_Latin Bashkir Bengali Bosnian_Cyrillic Bosnian_Latin Breton
Chinese_Hong_Kong_Stroke Chinese_PRC Chinese_PRC_Stroke Chinese_Simplified_Pinyin Chinese_Simplified_Stroke_Order
Chinese_Taiwan_Bopomofo Chinese_Taiwan_Stroke Chinese_Traditional_Bopomofo Chinese_Traditional_Pinyin
Chinese_Traditional_Stroke_Count Chinese_Traditional_Stroke_Order Corsican Croatian Cyrillic_General Czech
Danish_Greenlandic Danish_Norwegian Dari Divehi Estonian Finnish_Swedish French Frisian Georgian_Modern_Sort
German_PhoneBook Greek Hebrew Hungarian Hungarian_Technical Icelandic Indic_General Japanese Japanese_Bushu_Kakusu
Japanese_Unicode Japanese_XJIS Kazakh Khmer Korean Korean_Wansung Lao Latin1_General Latvian Lithuanian Macedonian_FYROM
Maltese Maori Mapudungan Modern_Spanish Mohawk Nepali Norwegian Pashto Persian Polish Romanian Romansh Sami_Norway
Sami_Sweden_Finland Serbian_Cyrillic Serbian_Latin Slovak Slovenian Syriac Tamazight Tatar Thai Tibetan
Traditional_Spanish Turkish Turkmen Uighur Ukrainian Upper_Sorbian Urdu Uzbek_Latin Vietnamese Welsh Yakut
SQL_Latin1_General SQL_1xCompat SQL_AltDiction SQL_AltDiction2 SQL_Croatian SQL_Czech SQL_Danish_Pref SQL_Hungarian
SQL_Icelandic_Pref SQL_MixDiction SQL_Polish SQL_Romanian SQL_Scandinavian SQL_Slovak SQL_Slovenian
SQL_SwedishPhone_Pref SQL_SwedishStd_Pref SQL_Ukrainian
"""
_COMPARISON = r"(BIN2?|C[IS]_A[IS](_KS)?(_WS)?(_VSS)?(_SC)?)(_UTF8)?"
_NAME = re.compile(rf"({'|'.join(_DESIGNATORS.split())})(_Pref)?(_CP\d+|_\d{{2,3}})?_{_COMPARISON}", re.IGNORECASE)


def check_collation(name: str | None) -> None:
    """400 for a collation that no server recognizes."""
    if name and not _NAME.fullmatch(name):
        raise invalid("InvalidCollation", f"Collation '{name}' is not recognized by the server.")
