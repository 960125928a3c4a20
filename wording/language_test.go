package wording

import (
	"errors"
	"testing"
)

// TestLanguage reads locales as locale(7) does.
func TestLanguage(t *testing.T) {
	for _, row := range []struct {
		locale Locale
		want   Language
		utf8   bool
	}{
		{Locale{}, English, false},
		{Locale{Lang: "C"}, English, false},
		{Locale{Lang: "POSIX"}, English, false},
		{Locale{Lang: "C.UTF-8"}, English, true},
		{Locale{Lang: "zh_CN.UTF-8"}, Chinese, true},
		{Locale{Lang: "zh_TW"}, Chinese, false},
		{Locale{Lang: "zh_HK.utf8@stroke"}, Chinese, true},
		{Locale{Lang: "de_DE.UTF-8", Messages: "zh_CN.UTF-8"}, Chinese, true},
		{Locale{Lang: "zh_CN.UTF-8", All: "en_US.ISO-8859-1"}, English, false},
		{Locale{Lang: "zh_CN.UTF-8", Ctype: "C"}, Chinese, false},
		{Locale{Lang: "zh_CN.GB18030"}, English, false},
		{Locale{Lang: "zh_TW.Big5", Ctype: "zh_TW.UTF-8"}, Chinese, true},
		{Locale{Messages: "zh_CN.UTF-8", Lang: "en_US.ISO-8859-1"}, English, false},
		{Locale{Lang: "zhuang"}, English, false},
	} {
		if got := row.locale.Language(); got != row.want || row.locale.UTF8() != row.utf8 {
			t.Errorf("%+v: %s, UTF-8 %v; want %s, %v", row.locale, got, row.locale.UTF8(), row.want, row.utf8)
		}
	}
	for text, want := range map[string]Language{"en": English, "EN": English, "zh": Chinese, "zh-CN": Chinese, "zh_TW.UTF-8": Chinese} {
		if got, err := ParseLanguage(text); err != nil || got != want {
			t.Errorf("ParseLanguage(%q) = %s, %v", text, got, err)
		}
	}
	var unknown *UnknownLanguageError
	if _, err := ParseLanguage("fr"); !errors.As(err, &unknown) || Hint(err).String() != "it can be en, zh" {
		t.Errorf("ParseLanguage(fr): %v", err)
	}
}
